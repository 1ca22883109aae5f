# cmake -DFLOWXDP=PROGRAM -DFOLDER=DIR -P manual_pages.cmake: writes flowxdp.1.gz and flowxdp-COMMAND.1.gz of every command into DIR, as
# the program describes itself. Pages of commands that are no more go away.
function(write_page name)
    execute_process(COMMAND ${FLOWXDP} help --man ${ARGN} COMMAND gzip -9n OUTPUT_FILE ${FOLDER}/${name}.1.gz
        COMMAND_ERROR_IS_FATAL ANY)
endfunction()
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
write_page(flowxdp)
# "\fBflowxdp\-plugin\-build\fR(1)" is the page of `flowxdp plugin build`: no command has a hyphen of its own.
execute_process(COMMAND ${FLOWXDP} help --man OUTPUT_VARIABLE overview COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "fBflowxdp[^ ]*fR[(]1[)]" pages "${overview}")
if(NOT pages)
    message(FATAL_ERROR "flowxdp help --man names no page")
endif()
foreach(page IN LISTS pages)
    string(REGEX REPLACE "^fB(.*).fR[(]1[)]$" "\\1" page "${page}")
    string(REPLACE "\\-" "-" page "${page}")
    string(REGEX REPLACE "^flowxdp-" "" command ${page})
    string(REPLACE "-" ";" command ${command})
    write_page(${page} ${command})
endforeach()
