# Writes the file IN into OUT as a C string that is not a string: an array of
# bytes, which any length fits and no quote disturbs.
file(READ "${IN}" bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n\t" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1, " bytes "${bytes}")
file(WRITE "${OUT}"
    "#include \"domains.h\"\n\n"
    "const char domains_builtin[] = {\n\t${bytes}\n};\n"
    "const size_t domains_builtin_len = sizeof(domains_builtin);\n")
