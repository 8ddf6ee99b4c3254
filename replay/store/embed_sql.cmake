# Writes a C file that holds text files as byte arrays. Run as a script:
#   cmake -DOUTPUT=x.c -DHEADER=y.h -DSYMBOL=name -DINPUTS=a.sql,b.sql -P embed_sql.cmake
# Each file becomes `const char SYMBOL_<file name without extension>[]`, ending with a NUL; SYMBOL_text[] holds all of them,
# in the given order.
function(as_bytes hex out)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  # A line for each line of the text.
  string(REPLACE "0x0a," "0x0a,\n    " bytes "${bytes}")
  set(${out} "${bytes}" PARENT_SCOPE)
endfunction()

string(REPLACE "," ";" inputs "${INPUTS}")
set(code "/* Generated from the .sql files. */\n#include \"${HEADER}\"\n")
set(all "")
foreach(input IN LISTS inputs)
  get_filename_component(name ${input} NAME_WE)
  file(READ ${input} hex HEX)
  as_bytes("${hex}" bytes)
  string(APPEND code "\nconst char ${SYMBOL}_${name}[] = {\n    ${bytes}0x00};\n")
  string(APPEND all "${hex}0a")
endforeach()
as_bytes("${all}" bytes)
string(APPEND code "\nconst char ${SYMBOL}_text[] = {\n    ${bytes}0x00};\n")
file(WRITE ${OUTPUT} "${code}")
