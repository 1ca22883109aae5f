# flowxdp_module_package(TARGET KIND NAME DESCRIPTION): installs a plugin or a sink below lib/flowxdp/KINDs. With a description, which is
# one line, it is a package of its own, flowxdp-KIND-NAME: for one that links a library that the program does not. packaging/ makes it.
function(flowxdp_module_package target kind name description)
    set(component core)
    if(description)
        set(component ${kind}_${name})
        set_property(GLOBAL APPEND PROPERTY FLOWXDP_MODULE_PACKAGES ${component})
        set_property(GLOBAL PROPERTY FLOWXDP_PACKAGE_${component} "${description}")
    endif()
    install(TARGETS ${target} LIBRARY DESTINATION lib/flowxdp/${kind}s COMPONENT ${component})
endfunction()
