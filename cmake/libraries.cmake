# libhandfast and libhandfast-os, static and shared, with headers and pkg-config files.

# Signed segments need the MACs of libcrypto. Without it hf_os_crypto() is NULL; the core needs none of it.
find_package(PkgConfig)
if(PkgConfig_FOUND)
    pkg_check_modules(libcrypto IMPORTED_TARGET libcrypto)
endif()
add_library(hf_crypto_deps INTERFACE)
if(libcrypto_FOUND)
    target_link_libraries(hf_crypto_deps INTERFACE PkgConfig::libcrypto)
    target_compile_definitions(hf_crypto_deps INTERFACE HF_HAS_LIBCRYPTO=1)
endif()
if(TARGET hf_os)
    target_link_libraries(hf_os PRIVATE hf_crypto_deps)
endif()

objects_of(core ${CORE_LAYERS})
objects_of(os ${OS_LAYERS})

function(handfast_library target name kind)
    add_library(${target} ${kind} ${ARGN})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${name} LINKER_LANGUAGE C
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
    target_include_directories(${target} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    if(kind STREQUAL "SHARED")
        target_link_options(${target} PRIVATE -Wl,--gc-sections -Wl,--as-needed)
    endif()
    install(TARGETS ${target}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

if(core)
    # hf_panic stays undefined here: libhandfast-os brings one, an embedded user writes his own.
    handfast_library(handfast handfast STATIC ${core})
    handfast_library(handfast_shared handfast SHARED ${core})
endif()
if(core AND os)
    handfast_library(handfast_os handfast-os STATIC ${os})
    handfast_library(handfast_os_shared handfast-os SHARED ${os})
    target_link_libraries(handfast_os PUBLIC handfast hf_crypto_deps)
    # The core needs the panic hook of the archive named before it: ask for it at once.
    target_link_options(handfast_os INTERFACE -Wl,-u,hf_panic)
    target_link_libraries(handfast_os_shared PUBLIC handfast_shared PRIVATE hf_crypto_deps)
endif()

install(DIRECTORY include/handfast DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
foreach(name handfast handfast-os)
    configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

file(GLOB example CONFIGURE_DEPENDS examples/echo.c)
if(TARGET handfast_os AND example)
    add_executable(echo ${example})
    target_compile_options(echo PRIVATE -Wall -Wextra -Wpedantic $<$<BOOL:${HANDFAST_WERROR}>:-Werror>)
    target_link_libraries(echo PRIVATE handfast_os) # public headers only: no hf_flags, no src/
endif()
