/*
 * The types of a package are top-level entries of one of several units with its name; those units are walked
 * first and the others only if something is still missing.
 */
#include "go/go_dwarf.h"

#include <string.h>

#include <dwarf.h>
#include <elfutils/libdw.h>

#include "base/bytes.h"

enum { UNSEEN = -2 }; /* the structure itself was not met yet */

struct questions {
    struct go_dwarf_member *members;
    size_t member_count;
    struct go_dwarf_variable *variables;
    size_t variable_count;
    size_t open;   /* unanswered */
    size_t needed; /* of these, not optional */
};

static int member_offset(Dwarf_Die *structure, const char *name)
{
    Dwarf_Die child;
    if (dwarf_child(structure, &child) != 0)
        return -1;
    do {
        const char *its_name = dwarf_diename(&child);
        Dwarf_Attribute attribute;
        Dwarf_Word offset;
        if (dwarf_tag(&child) == DW_TAG_member && its_name && strcmp(its_name, name) == 0 &&
            dwarf_attr(&child, DW_AT_data_member_location, &attribute) &&
            dwarf_formudata(&attribute, &offset) == 0 && offset < 0x10000)
            return (int)offset;
    } while (dwarf_siblingof(&child, &child) == 0);
    return -1;
}

static void answer_structure(struct questions *questions, Dwarf_Die *die, const char *name)
{
    for (size_t i = 0; i < questions->member_count; i++) {
        struct go_dwarf_member *member = &questions->members[i];
        if (member->offset != UNSEEN || strcmp(member->structure, name) != 0)
            continue;
        member->offset = member_offset(die, member->member);
        questions->open--;
        questions->needed -= !member->optional;
    }
}

/* Go writes locations as plain blocks, which dwarf_getlocation does not take for locations since DWARF 4. */
static bool block_address(Dwarf_Attribute *attribute, uint64_t *address_out)
{
    Dwarf_Block block;
    return dwarf_formblock(attribute, &block) == 0 && block.length == 9 && block.data[0] == DW_OP_addr &&
           bytes_peek(block.data, block.length, 1, 8, address_out);
}

static bool expression_address(Dwarf_Attribute *attribute, uint64_t *address_out)
{
    Dwarf_Attribute target;
    Dwarf_Op *expression;
    size_t length;
    if (dwarf_getlocation(attribute, &expression, &length) != 0 || length != 1)
        return false;
    if (expression[0].atom == DW_OP_addr) {
        *address_out = expression[0].number;
        return true;
    }
    /* an index into .debug_addr */
    return dwarf_getlocation_attr(attribute, &expression[0], &target) == 0 &&
           dwarf_formaddr(&target, address_out) == 0;
}

static void answer_variable(struct questions *questions, Dwarf_Die *die, const char *name)
{
    for (size_t i = 0; i < questions->variable_count; i++) {
        struct go_dwarf_variable *variable = &questions->variables[i];
        Dwarf_Attribute attribute;
        if (variable->address != 0 || strcmp(variable->name, name) != 0 ||
            !dwarf_attr(die, DW_AT_location, &attribute))
            continue;
        if (block_address(&attribute, &variable->address) ||
            expression_address(&attribute, &variable->address)) {
            questions->open--;
            questions->needed -= !variable->optional;
        }
    }
}

static void walk_unit(struct questions *questions, Dwarf_Die *unit)
{
    Dwarf_Die child;
    if (dwarf_child(unit, &child) != 0)
        return;
    do {
        int tag = dwarf_tag(&child);
        if (tag != DW_TAG_structure_type && tag != DW_TAG_variable)
            continue;
        const char *name = dwarf_diename(&child);
        if (name && tag == DW_TAG_structure_type)
            answer_structure(questions, &child, name);
        else if (name)
            answer_variable(questions, &child, name);
    } while (questions->open > 0 && dwarf_siblingof(&child, &child) == 0);
}

/* The packages that the questions are about. */
static bool is_likely_unit(const char *name)
{
    static const char *const packages[] = {"runtime", "time", "context"};
    for (size_t i = 0; name && i < sizeof packages / sizeof *packages; i++) {
        if (strcmp(name, packages[i]) == 0)
            return true;
    }
    return false;
}

static void walk_units(struct questions *questions, Dwarf *dwarf, bool likely)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Half version;
    uint8_t type;
    Dwarf_Die die, split;
    while (questions->open > 0 && dwarf_get_units(dwarf, unit, &unit, &version, &type, &die, &split) == 0) {
        if (is_likely_unit(dwarf_diename(&die)) == likely)
            walk_unit(questions, &die);
    }
}

int go_dwarf_read(const struct go_elf *elf, struct go_dwarf_member *members, size_t member_count,
                  struct go_dwarf_variable *variables, size_t variable_count, struct error *err)
{
    size_t total = member_count + variable_count;
    struct questions questions = {members, member_count, variables, variable_count, total, 0};
    for (size_t i = 0; i < member_count; i++) {
        members[i].offset = UNSEEN;
        questions.needed += !members[i].optional;
    }
    for (size_t i = 0; i < variable_count; i++) {
        variables[i].address = 0;
        questions.needed += !variables[i].optional;
    }
    Dwarf *dwarf = dwarf_begin_elf(go_elf_handle(elf), DWARF_C_READ, NULL);
    if (dwarf) {
        walk_units(&questions, dwarf, true);
        if (questions.needed > 0)
            walk_units(&questions, dwarf, false);
        dwarf_end(dwarf);
    }
    bool any = questions.open < total;
    for (size_t i = 0; i < member_count; i++) {
        if (members[i].offset == UNSEEN)
            members[i].offset = -1;
    }
    if (!any)
        return error_set(err, ERR_UNSUPPORTED,
                         "%s has no debug information (DWARF): it was built with -ldflags=-w or -s, or "
                         "stripped; rebuild it "
                         "without",
                         go_elf_shown(elf));
    return 0;
}
