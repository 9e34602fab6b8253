# The custom-resource provider as a Lambda function's package: share/aphex/provider/provider.zip in
# the build directory. What is in it and why: pack_provider.py and docs/provider.md.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

add_executable(aphex_provider_launcher provider/launcher/main.cpp)
set_target_properties(aphex_provider_launcher PROPERTIES
  OUTPUT_NAME bootstrap
  RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/provider")
# Unset: CMake's own -pie, which would come last, takes the "static" out of -static-pie.
set_property(TARGET aphex_provider_launcher PROPERTY POSITION_INDEPENDENT_CODE)
# Not aphex_compile: sanitizers and a fast linker are not for the one static program. It is as
# hardened as the others, in every build: -static-pie still has its addresses at random, and
# relocates itself before main().
target_compile_options(aphex_provider_launcher PRIVATE
  -Os -fno-exceptions -fno-rtti -fPIE -Wall -Wextra -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
  -fstack-protector-strong -fstack-clash-protection)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  target_compile_options(aphex_provider_launcher PRIVATE -fcf-protection)
endif()
target_link_options(aphex_provider_launcher PRIVATE
  -static-pie -Wl,-z,relro,-z,now,-z,noexecstack)

set(APHEX_PROVIDER_ZIP "${PROJECT_BINARY_DIR}/share/aphex/provider/provider.zip")
# libcurl is loaded at run time, by the name that src/aws/curl_library.cpp has.
find_file(APHEX_CURL_LIBRARY libcurl.so.4 REQUIRED
  HINTS "${curl_pc_LIBDIR}" ${curl_pc_LIBRARY_DIRS} ENV LD_LIBRARY_PATH
  PATHS ${CMAKE_C_IMPLICIT_LINK_DIRECTORIES} ${CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES})
add_custom_command(OUTPUT "${APHEX_PROVIDER_ZIP}" "${APHEX_PROVIDER_ZIP}.sha256"
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/cmake/pack_provider.py"
    --program "$<TARGET_FILE:aphex-provider>"
    --launcher "$<TARGET_FILE:aphex_provider_launcher>"
    --load "${APHEX_CURL_LIBRARY}"
    --strip "${CMAKE_STRIP}"
    --output "${APHEX_PROVIDER_ZIP}"
  DEPENDS aphex-provider aphex_provider_launcher "${APHEX_CURL_LIBRARY}"
    "${PROJECT_SOURCE_DIR}/cmake/pack_provider.py"
  COMMENT "Packing provider.zip" VERBATIM)
add_custom_target(aphex_provider_zip ALL DEPENDS "${APHEX_PROVIDER_ZIP}")
