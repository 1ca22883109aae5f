# cpack -G DEB, and -G TGZ: package flowxdp, flowxdp-dev, and one for each module that brings a library of its own (PACKAGE of
# flowxdp_add_sink and flowxdp_add_plugin).
set(FLOWXDP_PACKAGE_CONTACT "flowxdp maintainers <flowxdp@flowxdp.invalid>" CACHE STRING "Maintainer of the packages: NAME <ADDRESS>")
set(CPACK_PACKAGE_CONTACT ${FLOWXDP_PACKAGE_CONTACT})
set(CPACK_PACKAGE_NAME flowxdp)
set(CPACK_PACKAGE_VENDOR flowxdp)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # would come before each package's own
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_FILE_NAME flowxdp-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR}) # of the archive
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_SOURCE_DIR}/generators.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

get_property(module_packages GLOBAL PROPERTY FLOWXDP_MODULE_PACKAGES)
set(CPACK_COMPONENTS_ALL core service dev dbgsym ${module_packages})
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENT_CORE_GROUP core)
set(CPACK_COMPONENT_SERVICE_GROUP core)
set(CPACK_COMPONENT_DEV_GROUP dev)
set(CPACK_COMPONENT_DBGSYM_GROUP dbgsym)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(same_version "flowxdp (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")

set(CPACK_DEBIAN_CORE_PACKAGE_NAME flowxdp)
set(CPACK_DEBIAN_CORE_DESCRIPTION "network flow sensor: XDP, biflows, plugins, sinks
An XDP program counts each packet in the kernel; a daemon ends the flows, lets
plugins add columns, and writes rows to files, collectors and sockets. The same
logic replays capture files, without root: the rows are the same.")
set(CPACK_DEBIAN_CORE_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_CORE_PACKAGE_SUGGESTS "flowxdp-dev, logrotate, curl, npm")
set(debian ${CMAKE_CURRENT_SOURCE_DIR}/debian)
set(CPACK_DEBIAN_CORE_PACKAGE_CONTROL_EXTRA ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)

set(CPACK_DEBIAN_DEV_PACKAGE_NAME flowxdp-dev)
set(CPACK_DEBIAN_DEV_DESCRIPTION "headers and sources for plugins of flowxdp
What 'flowxdp plugin new' writes a plugin from, and what 'flowxdp plugin build'
compiles it with: public headers, the BPF program, the engine.")
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_DEV_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${same_version}, g++, clang, libbpf-dev, libfmt-dev, linux-libc-dev")

# Packages hold stripped binaries; gdb finds what was taken away by its build id. Not CPACK_DEBIAN_DEBUGINFO_PACKAGE: it would strip the
# BPF object, too, whose symbols are its programs and maps.
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_DBGSYM_PACKAGE_NAME flowxdp-dbgsym)
set(CPACK_DEBIAN_DBGSYM_DESCRIPTION "debug symbols of flowxdp and its modules
For gdb and perf. They know the lines of the source when the packages were
built with -g, as the preset 'package' does.")
set(CPACK_DEBIAN_DBGSYM_PACKAGE_SECTION debug)
set(CPACK_DEBIAN_DBGSYM_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DBGSYM_PACKAGE_DEPENDS "${same_version}")
set(binaries $<TARGET_FILE:flowxdp> $<TARGET_FILE:flowxdp_bundle>)
foreach(name IN LISTS FLOWXDP_PLUGINS)
    list(APPEND binaries $<TARGET_FILE:plugin_${name}>)
endforeach()
foreach(name IN LISTS FLOWXDP_SINKS)
    list(APPEND binaries $<TARGET_FILE:sink_${name}>)
endforeach()
install(CODE "set(OBJCOPY \"${CMAKE_OBJCOPY}\")\nset(READELF \"${CMAKE_READELF}\")\nset(BINARIES \"${binaries}\")\n
    include(\"${CMAKE_CURRENT_SOURCE_DIR}/debug_symbols.cmake\")" COMPONENT dbgsym EXCLUDE_FROM_ALL)

# What Debian wants to know of a package, in share/doc/NAME.
file(READ ${PROJECT_SOURCE_DIR}/LICENSE license)
string(REGEX REPLACE "^.*BSD 2-Clause License\n\n[^\n]*\n\n" "" license "${license}")
string(REGEX REPLACE "\n+$" "" license "${license}")
string(REPLACE "\n\n" "\n.\n" license " ${license}")
string(REPLACE "\n" "\n " license "${license}")
configure_file(debian/copyright.in ${CMAKE_CURRENT_BINARY_DIR}/copyright @ONLY)
# A release's is its commit's (scripts/release.sh); string(TIMESTAMP) takes it from SOURCE_DATE_EPOCH, file(TIMESTAMP) would not.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
    string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
else()
    file(TIMESTAMP ${PROJECT_SOURCE_DIR}/CHANGELOG.md date "%a, %d %b %Y %H:%M:%S +0000" UTC)
endif()
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/changelog.Debian "flowxdp (${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * Packages of version ${PROJECT_VERSION}. CHANGELOG.md in the sources says what is new.

 -- ${FLOWXDP_PACKAGE_CONTACT}  ${date}
")
execute_process(COMMAND gzip -9nf ${CMAKE_CURRENT_BINARY_DIR}/changelog.Debian COMMAND_ERROR_IS_FATAL ANY)
# flowxdp_describe_package(COMPONENT NAME): these two, in that package.
function(flowxdp_describe_package component name)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/copyright ${CMAKE_CURRENT_BINARY_DIR}/changelog.Debian.gz
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component} EXCLUDE_FROM_ALL)
endfunction()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/flowxdp COMPONENT archive)
flowxdp_describe_package(core flowxdp)
install(FILES debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME flowxdp COMPONENT service EXCLUDE_FROM_ALL)
flowxdp_describe_package(dev flowxdp-dev)
flowxdp_describe_package(dbgsym flowxdp-dbgsym)

foreach(package IN LISTS module_packages)
    string(REPLACE "_" "-" name flowxdp-${package})
    string(TOUPPER ${package} upper)
    get_property(description GLOBAL PROPERTY FLOWXDP_PACKAGE_${package})
    set(CPACK_COMPONENT_${upper}_GROUP ${package})
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
    set(CPACK_DEBIAN_${upper}_DESCRIPTION "${description}\nA module of flowxdp that needs a library of its own.")
    set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "${same_version}")
    flowxdp_describe_package(${package} ${name})
endforeach()
include(CPack)
