# packetdrill_adapter.so: the stack as packetdrill's --so_filename mode wants it, and the scripts that run against it.

file(GLOB adapter_sources CONFIGURE_DEPENDS tests/packetdrill/*.c)
find_package(Threads REQUIRED)
add_library(packetdrill_adapter MODULE ${adapter_sources})
archives_of(adapter_archives ${CORE_LAYERS})
target_compile_definitions(packetdrill_adapter PRIVATE _GNU_SOURCE=)
target_link_libraries(packetdrill_adapter PRIVATE hf_flags ${adapter_archives} Threads::Threads)
target_sources(packetdrill_adapter PRIVATE tests/support/panic.c)
set_target_properties(packetdrill_adapter PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
    LIBRARY_OUTPUT_DIRECTORY ${TEST_BINARIES}/packetdrill)
