# Read by cpack once for each kind of package. A Debian package installs below /usr; an archive is unpacked anywhere, and the program
# finds its modules beside itself.
if(CPACK_GENERATOR STREQUAL "DEB")
    set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
else()
    set(CPACK_PACKAGING_INSTALL_PREFIX /)
endif()
