# One set of flags for all our code, gcc 12 and clang 14 alike.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# must() stays on in every build, so NDEBUG is never defined.
set(CMAKE_C_FLAGS_RELEASE "-O3 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

add_library(hf_flags INTERFACE)
target_include_directories(hf_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_options(hf_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes
    -ffunction-sections -fdata-sections
    # clang's -Wpedantic names GNU extensions that gcc accepts behind __extension__
    $<$<C_COMPILER_ID:Clang>:-Wno-gnu>
    $<$<BOOL:${HANDFAST_WERROR}>:-Werror>)
# gcc clears and copies structs with string instructions unless told otherwise: their start costs more than the whole of ours.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(hf_flags INTERFACE
        -mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign
        -mmemcpy-strategy=vector_loop:256:noalign,libcall:-1:noalign)
endif()
target_compile_definitions(hf_flags INTERFACE
    $<$<BOOL:${HANDFAST_CHECKS}>:HF_CHECKS=1>)
target_link_options(hf_flags INTERFACE -Wl,--gc-sections -Wl,--as-needed)

# Executables and shared libraries are linked from what the compiler knew; the objects in the archives carry ordinary code
# beside it, so that whoever links them needs neither this flag nor this compiler. Only gcc can make such objects.
if(HANDFAST_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(hf_flags INTERFACE -flto=auto -ffat-lto-objects)
    target_link_options(hf_flags INTERFACE -flto=auto -O3)
endif()
