# At install time: the symbols of BINARIES below lib/debug/.build-id/, where gdb looks for those of a stripped binary.
foreach(binary IN LISTS BINARIES)
    execute_process(COMMAND ${READELF} -n ${binary} OUTPUT_VARIABLE notes COMMAND_ERROR_IS_FATAL ANY)
    if(NOT notes MATCHES "Build ID: (..)([0-9a-f]+)")
        message(FATAL_ERROR "${binary} has no build id: link with -Wl,--build-id")
    endif()
    set(folder $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/lib/debug/.build-id/${CMAKE_MATCH_1})
    file(MAKE_DIRECTORY ${folder})
    execute_process(COMMAND ${OBJCOPY} --only-keep-debug --compress-debug-sections ${binary} ${folder}/${CMAKE_MATCH_2}.debug
        COMMAND_ERROR_IS_FATAL ANY)
    file(CHMOD ${folder}/${CMAKE_MATCH_2}.debug PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endforeach()
