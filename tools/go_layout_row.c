/*
 * Prints one row of record/go/go_layout_table.c: the struct offsets that the DWARF of a Go program holds. tools/gen_go_layout
 * runs it over programs of many releases.
 */
#include <stdio.h>

#include "go/go_binary.h"
#include "go/go_layout.h"

int main(int argc, char **argv)
{
    struct go_binary *binary;
    struct error err = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: go_layout_row PROGRAM\n");
        return 2;
    }
    if (go_binary_open(argv[1], argv[1], &binary, &err) != 0) {
        fprintf(stderr, "go_layout_row: %s\n", err.message);
        return 1;
    }
    const struct go_build_info *info = go_binary_build_info(binary);
    struct go_layout layout = *go_binary_layout(binary);
    struct go_layout_field field;
    int status = go_binary_layout_source(binary) == LAYOUT_FROM_DWARF ? 0 : 1;
    if (status != 0)
        fprintf(stderr, "go_layout_row: %s has no DWARF\n", argv[1]);
    else
        printf("{%d, %d, {", info->minor, info->patch);
    for (size_t i = 0; status == 0 && go_layout_field(i, &field); i++)
        printf("%s.%s = %d", i ? ", " : "", field.name, *go_layout_offset(&layout, &field));
    if (status == 0)
        puts("}},");
    go_binary_close(binary);
    return status;
}
