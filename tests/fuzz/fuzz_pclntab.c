/* Go's function table alone: four bytes say how many of the rest are the table, what follows it are inline
 * trees. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "go/go_pclntab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_name(void *context, uint32_t name)
{
    const char *text = go_pclntab_name(context, name);
    if (text && strlen(text) > 1 << 20)
        abort();
}

static void use_address(const struct go_pclntab *table, uint64_t address)
{
    struct go_pclntab_frame frames[16];
    size_t count = go_pclntab_frames(table, address, frames, 16);
    if (count > 16)
        abort();
    for (size_t i = 0; i < count; i++) {
        use_name((void *)(uintptr_t)table, frames[i].name);
        if (strlen(frames[i].file) > 1 << 20)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct go_pclntab table;
    struct bytes in = bytes_of(data, size);
    uint32_t table_size = bytes_u32(&in);
    if (table_size > bytes_left(&in))
        table_size = (uint32_t)bytes_left(&in);
    const uint8_t *bytes = bytes_take(&in, table_size);
    if (in.bad || !bytes || go_pclntab_init(&table, bytes, table_size, NULL) != 0)
        return 0;
    table.text = 0x401000;
    table.gofunc = in.at;
    table.gofunc_size = bytes_left(&in);
    size_t step = table.function_count / 64 + 1;
    for (size_t i = 0; i < table.function_count; i += step) {
        struct go_pclntab_function function;
        if (!go_pclntab_function(&table, i, &function))
            continue;
        use_name(&table, function.name);
        go_pclntab_stack_delta(&table, &function, function.entry);
        go_pclntab_stack_delta(&table, &function, function.end - 1);
        use_address(&table, function.entry);
        use_address(&table, function.entry + (function.end - function.entry) / 2);
        use_address(&table, function.end - 1);
        go_pclntab_each_inlined(&table, &function, use_name, &table);
    }
    use_address(&table, 0);
    use_address(&table, UINT64_MAX);
    return 0;
}
