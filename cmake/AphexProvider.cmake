# The custom-resource provider as a Lambda function's package: share/aphex/provider/provider.zip in
# the build directory. What is in it and why: pack_provider.py and docs/provider.md.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

add_executable(aphex_provider_launcher provider/launcher/main.cpp)
set_target_properties(aphex_provider_launcher PROPERTIES
  OUTPUT_NAME bootstrap
  RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/provider"
  POSITION_INDEPENDENT_CODE OFF)
# Not aphex_compile: sanitizers and a fast linker are not for the one static program.
target_compile_options(aphex_provider_launcher PRIVATE
  -Os -fno-exceptions -fno-rtti -fno-pie -Wall -Wextra -Werror)
target_link_options(aphex_provider_launcher PRIVATE -static -no-pie)

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
