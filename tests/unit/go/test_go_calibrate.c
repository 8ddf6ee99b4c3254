/*
 * Running programs of every supported Go version agree with their struct offsets and contradict wrong ones; offsets of
 * a release that is not in the table are measured, or refused.
 */
#include "go/go_calibrate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "go/go_layout.h"
#include "go/go_process.h"
#include "go_builds.h"

struct subject {
    struct go_child child;
    struct go_process *process;
    struct go_calibrate_input input;
};

/* Starts a program that waits for channels, and for its input in a system call. */
static void open_subject(struct subject *self, struct go_binary *binary, const char *path)
{
    struct error err = {0};
    const char *const *reasons;
    char line[256];
    assert_true(go_child_start(&self->child, path, "chans", NULL));
    do
        assert_non_null(fgets(line, sizeof line, self->child.out));
    while (strcmp(line, "end\n") != 0);
    if (go_process_open(self->child.pid, binary, &self->process, &err) != 0)
        fail_msg("%s", err.message);
    self->input = (struct go_calibrate_input){.memory = go_process_memory(self->process),
                                              .main_tid = self->child.pid,
                                              .bias = go_process_bias(self->process),
                                              .binary = binary};
    assert_int_equal(go_process_wait_reasons(self->process, &reasons, &self->input.reason_count, &err), 0);
}

static void close_subject(struct subject *self)
{
    go_process_close(self->process);
    go_child_stop(&self->child);
}

static void expect_contradiction(struct subject *self, struct go_binary *binary,
                                 const struct go_layout *wrong, const char *field)
{
    struct error err = {0};
    struct go_layout out;
    go_binary_set_layout(binary, wrong);
    int rc = go_calibrate(&self->input, &out, &err);
    if (rc != ERR_UNSUPPORTED || !strstr(err.message, field))
        fail_msg("%d '%s', expected a contradiction of %s", rc, err.message, field);
}

static void check_version(struct go_binary *binary, const char *version, const char *path)
{
    const struct go_layout right = *go_binary_layout(binary);
    struct go_layout out;
    struct subject subject;
    struct error err = {0};
    open_subject(&subject, binary, path);
    if (go_calibrate(&subject.input, &out, &err) != 1)
        fail_msg("Go %s: %s", version, err.message);
    assert_memory_equal(&out, &right, sizeof out);
    struct go_layout wrong = right;
    wrong.g_goid += 8;
    expect_contradiction(&subject, binary, &wrong, "g.goid");
    wrong = right;
    wrong.g_startpc -= 8;
    expect_contradiction(&subject, binary, &wrong, "g.startpc");
    wrong = right;
    wrong.g_m += 8;
    expect_contradiction(&subject, binary, &wrong, "g.m");
    wrong = right;
    wrong.m_curg += 8;
    expect_contradiction(&subject, binary, &wrong, "m.curg");
    wrong = right;
    wrong.m_procid += 8;
    expect_contradiction(&subject, binary, &wrong, "m.procid");
    close_subject(&subject);
}

static void test_every_version(void **state)
{
    (void)state;
    go_build_each(check_version);
}

/* As if the version were not in the table: the newest row is adapted. */
static int measure(const char *version, const struct go_layout *row, struct go_layout *out, struct error *err)
{
    struct subject subject;
    struct go_binary *binary;
    size_t size;
    const char *path = go_build(version, BUILD_STRIPPED_PIE);
    uint8_t *data = path ? read_whole_file(path, &size) : NULL;
    if (!data)
        skip();
    if (go_binary_open_memory(data, size, "program", row, &binary, err) != 0)
        fail_msg("Go %s: %s", version, err->message);
    assert_int_equal(go_binary_layout_source(binary), LAYOUT_FROM_NEWEST_ROW);
    struct go_binary *by_path;
    assert_int_equal(go_binary_open(path, "program", &by_path, err), 0);
    open_subject(&subject, by_path, path);
    subject.input.binary = binary;
    int rc = go_calibrate(&subject.input, out, err);
    close_subject(&subject);
    go_binary_close(by_path);
    go_binary_close(binary);
    free(data);
    return rc;
}

static void test_measured(void **state)
{
    struct go_layout right, moved, out;
    struct error err = {0};
    (void)state;
    assert_int_equal(go_layout_known(27, 1, &right), LAYOUT_SAME_MINOR);
    moved = right;
    /* a release in which groups of fields lie elsewhere */
    int *const fields[] = {&moved.g_goid, &moved.g_status, &moved.g_waitreason, &moved.g_preempt,
                           &moved.g_waitsince};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        *fields[i] += 16;
    moved.g_startpc -= 8;
    moved.g_gopc -= 8;
    moved.g_waiting -= 8;
    moved.g_parent_goid -= 8;
    moved.g_labels -= 8;
    moved.m_procid -= 24;
    moved.m_curg -= 24;
    moved.m_p -= 24;
    moved.m_id -= 24;
    if (measure("1.27.1", &moved, &out, &err) != 1)
        fail_msg("%s", err.message);
    assert_int_equal(out.g_goid, right.g_goid);
    assert_int_equal(out.g_status, right.g_status);
    assert_int_equal(out.g_waitreason, right.g_waitreason);
    assert_int_equal(out.g_startpc, right.g_startpc);
    assert_int_equal(out.g_gopc, right.g_gopc);
    assert_int_equal(out.g_waiting, right.g_waiting);
    assert_int_equal(out.g_labels, right.g_labels);
    assert_int_equal(out.m_procid, right.m_procid);
    assert_int_equal(out.m_curg, right.m_curg);
    assert_int_equal(out.m_p, right.m_p);
    assert_int_equal(out.hchan_lock, right.hchan_lock);
    /* what nothing confirms is not known */
    assert_int_equal(out.timerctx_deadline, -1);
}

/* What cannot be measured and does not fit is not guessed. */
static void test_refused(void **state)
{
    struct go_layout row, out;
    struct error err = {0};
    (void)state;
    assert_int_equal(go_layout_known(27, 1, &row), LAYOUT_SAME_MINOR);
    assert_int_equal(measure("1.24.11", &row, &out, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "waits for a channel"));
    row.polldesc_rg += 8;
    assert_int_equal(measure("1.27.1", &row, &out, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "network poller"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_version),
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
