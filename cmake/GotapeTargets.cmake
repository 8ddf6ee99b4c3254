# Settings common to every target, and the helpers that the folders use to declare libraries, tests and fuzzers.

add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wwrite-strings -Wvla -Wno-missing-field-initializers)
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64 GOTAPE_VERSION="${PROJECT_VERSION}")
if(GOTAPE_WERROR)
  add_compile_options(-Werror)
endif()
if(GOTAPE_SANITIZE)
  add_compile_options(-fsanitize=${GOTAPE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${GOTAPE_SANITIZE})
endif()
if(GOTAPE_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(GOTAPE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(GOTAPE_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  add_compile_definitions(GOTAPE_STATIC)
endif()

# gotape_find(PREFIX MODULE …): the target PkgConfig::PREFIX for pkg-config's modules; with GOTAPE_STATIC their archives, and
# what these need in turn.
macro(gotape_find prefix)
  pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET ${ARGN})
  if(GOTAPE_STATIC)
    target_link_libraries(PkgConfig::${prefix} INTERFACE ${${prefix}_STATIC_LDFLAGS})
  endif()
endmacro()

# gotape_man(COMPONENT FILE): an installed manual page; compressed, as packages have it, with GOTAPE_STATIC.
function(gotape_man component file)
  get_filename_component(name ${file} NAME)
  string(REGEX REPLACE ".*[.]" "man" section ${name})
  set(page ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  if(GOTAPE_STATIC)
    set(compressed ${CMAKE_CURRENT_BINARY_DIR}/${name}.gz)
    add_custom_command(OUTPUT ${compressed} COMMAND gzip -9nc ${page} > ${compressed} DEPENDS ${page} VERBATIM)
    add_custom_target(${name}_page ALL DEPENDS ${compressed})
    set(page ${compressed})
  endif()
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/${section} COMPONENT ${component})
endfunction()

# gotape_program(NAME SOURCES … LIBS …): an installed program.
function(gotape_program name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_LIBS})
  if(GOTAPE_STATIC)
    target_link_options(${name} PRIVATE -static)
  endif()
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${name})
  gotape_man(${name} ${name}.1)
endfunction()

# gotape_library(NAME ROOT dir SOURCES … LIBS …): a static library whose headers are included from ROOT.
function(gotape_library name)
  cmake_parse_arguments(A "" "ROOT" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_include_directories(${name} PUBLIC ${A_ROOT})
  target_link_libraries(${name} PUBLIC ${A_LIBS})
endfunction()

# gotape_unit_test(NAME SOURCES … LIBS …): a cmocka program, run by ctest with the label "unit".
function(gotape_unit_test name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_LIBS} PkgConfig::CMOCKA)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

# gotape_fuzz(NAME SOURCES … LIBS …): with GOTAPE_FUZZ a libFuzzer program, otherwise the same target with a stand-alone
# driver; either way ctest runs the corpus in tests/fuzz/corpus/NAME once (label "fuzz").
function(gotape_fuzz name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_LIBS})
  set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(GOTAPE_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${name} COMMAND ${name} -runs=0 ${corpus})
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_driver.c)
    add_test(NAME ${name} COMMAND ${name} ${corpus})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
