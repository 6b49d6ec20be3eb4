# The handfast command. --as-needed keeps only the libraries that are used.

find_package(PkgConfig REQUIRED)
add_library(hf_app_deps INTERFACE)
foreach(module libconfuse jansson libmicrohttpd ncursesw libcap-ng libseccomp libmnl libnftables libpcap)
    pkg_check_modules(${module} REQUIRED IMPORTED_TARGET ${module})
    target_link_libraries(hf_app_deps INTERFACE PkgConfig::${module})
endforeach()
target_link_libraries(hf_app_deps INTERFACE m) # log(): distinct sources of a flood
foreach(layer IN LISTS APP_LAYERS)
    if(TARGET hf_${layer})
        target_link_libraries(hf_${layer} PRIVATE hf_app_deps)
    endif()
endforeach()

objects_of(apps ${APP_LAYERS})
if(TARGET hf_app AND TARGET handfast_os)
    add_executable(handfast_cli ${apps})
    set_target_properties(handfast_cli PROPERTIES
        OUTPUT_NAME handfast LINKER_LANGUAGE C RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    target_link_libraries(handfast_cli PRIVATE hf_flags handfast_os hf_app_deps)
    install(TARGETS handfast_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
