# How every target of ours is compiled: one interface library, so that no folder invents flags.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(aphex_compile INTERFACE)
target_compile_options(aphex_compile INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Werror
  $<$<CONFIG:Debug>:-O0 -g1>
  # GCC 12 sees overlapping copies in std::string's operator+ where there are none (PR 105329).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# Assertions guard against our own mistakes; they stay in release builds.
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
target_compile_definitions(aphex_compile INTERFACE
  $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>
  # An index outside of a vector or a string ends the program where it happens.
  $<$<CONFIG:Release>:_GLIBCXX_ASSERTIONS>)
target_compile_options(aphex_compile INTERFACE
  $<$<CONFIG:Release>:-fstack-protector-strong -fstack-clash-protection>)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  target_compile_options(aphex_compile INTERFACE $<$<CONFIG:Release>:-fcf-protection>)
endif()
# Addresses are random, and the tables that calls go through are written once: before main().
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
target_link_options(aphex_compile INTERFACE
  $<$<CONFIG:Release>:-Wl,-z,relro,-z,now,-z,noexecstack>)

if(APHEX_SANITIZE)
  target_compile_options(aphex_compile INTERFACE
    -fsanitize=${APHEX_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(aphex_compile INTERFACE -fsanitize=${APHEX_SANITIZE})
endif()

# Coverage of our own code guides the fuzzer; the fuzz target itself links -fsanitize=fuzzer.
if(APHEX_BUILD_FUZZERS)
  target_compile_options(aphex_compile INTERFACE -fsanitize=fuzzer-no-link)
endif()

# mold links a debug binary in a fraction of ld's time; ld stays the fallback.
find_program(APHEX_MOLD mold)
if(APHEX_MOLD AND NOT APHEX_SANITIZE)
  target_link_options(aphex_compile INTERFACE -fuse-ld=mold)
endif()
