/*
 * The front end of the recorder for executables: ELF, build info, function table, probe sites. An input that
 * begins with build info's magic goes to its parser alone. DWARF is left out: that is libdw's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "go/go_binary.h"
#include "go/go_buildinfo.h"
#include "go/probe_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_text(const char *text)
{
    if (text && strlen(text) > 1 << 20)
        abort();
}

static void use_build_info(const struct go_build_info *info)
{
    use_text(info->version);
    use_text(info->path);
    use_text(info->main_path);
    use_text(info->main_version);
    for (size_t i = 0; i < info->setting_count; i++) {
        use_text(info->settings[i].key);
        use_text(info->settings[i].value);
    }
    for (size_t i = 0; i < info->dep_count; i++) {
        use_text(info->deps[i].path);
        use_text(info->deps[i].version);
        use_text(info->deps[i].replace_path);
        use_text(info->deps[i].replace_version);
    }
}

static void use_function(struct go_binary *binary, const char *name)
{
    uint64_t start, end;
    struct go_frame frames[8];
    unsigned sends, receives;
    if (!go_binary_function(binary, name, &start, &end))
        return;
    for (uint64_t at = start; at < end && at < start + 400; at += 3) {
        size_t count = go_binary_symbolize(binary, at, at & 1, frames, 8);
        for (size_t i = 0; i < count; i++) {
            use_text(frames[i].function);
            use_text(frames[i].file);
        }
    }
    for (uint64_t at = end; at > start && at > end - 64; at--)
        go_binary_select_counts(binary, at, &sends, &receives);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct go_binary *binary;
    struct go_buildinfo *info;
    struct probe_plan plan;
    struct go_layout layout;
    struct error err = {0};
    /* that of Go 1.26, as far as it decides about code */
    for (size_t i = 0; i < sizeof layout / sizeof(int); i++)
        ((int *)&layout)[i] = 0x98;
    layout.g_preempt = 0xb1;
    if (size >= GO_BUILDINFO_MAGIC_SIZE && memcmp(data, GO_BUILDINFO_MAGIC, GO_BUILDINFO_MAGIC_SIZE) == 0) {
        if (go_buildinfo_parse(data, size, "input", &info, &err) == 0) {
            use_build_info(go_buildinfo_get(info));
            go_buildinfo_free(info);
        }
        return 0;
    }
    if (go_binary_open_memory(data, size, "input", &layout, &binary, &err) != 0)
        return 0;
    use_build_info(go_binary_build_info(binary));
    use_text(go_binary_build_id(binary));
    use_function(binary, "main.selectS1R2");
    use_function(binary, "main.selectS0R12");
    use_function(binary, "runtime.selectgo");
    probe_plan_make(binary, DETAIL_ALL, &plan, &err);
    go_binary_close(binary);
    return 0;
}
