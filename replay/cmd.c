#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "interrupt.h"
#include "terminal.h"

static void print_usage_line(const struct command *self, FILE *out)
{
    fprintf(out, "Usage: gotape-replay %s%s%s\n", self->name, *self->name ? " [OPTION…] " : "",
            self->operands);
}

static void print_help(const struct command *self, const struct opt *options)
{
    print_usage_line(self, stdout);
    printf("\n%s\n%s%s\nOptions:\n", self->summary, *self->about ? "\n" : "", self->about);
    opt_print_help(options, stdout);
    printf("\nExamples:\n%s", self->examples);
}

static int usage_error(const struct command *self, const char *message)
{
    fprintf(stderr, "gotape-replay: %s (try 'gotape-replay %s%s--help')\n", message, self->name,
            *self->name ? " " : "");
    return STATUS_USAGE;
}

bool command_begin(const struct command *self, const struct opt *options, const bool *help, int argc,
                   char **argv, int least, int most, struct operands *operands_out, int *status_out)
{
    struct error err = {0};
    int count = 0;
    if (opt_parse(options, argc, argv, false, &count, &err) != 0) {
        *status_out = usage_error(self, err.message);
        return false;
    }
    if (*help) {
        print_help(self, options);
        *status_out = command_flush();
        return false;
    }
    if (count < least || count > most) {
        char message[160];
        snprintf(message, sizeof message, "%s%s%s", *self->name ? self->name : "the summary",
                 count < least ? " needs " : " takes only ", *self->operands ? self->operands : "options");
        *status_out = usage_error(self, message);
        return false;
    }
    operands_out->at = argv + argc - count;
    operands_out->count = count;
    return true;
}

int command_fail(const struct command *self, const struct error *err)
{
    int signal_number = *interrupt_flag();
    if (err->code == ERR_STOPPED && signal_number)
        return 128 + signal_number;
    if (err->code == ERR_USAGE && self)
        return usage_error(self, err->message);
    fprintf(stderr, "gotape-replay: %s\n", err->message);
    return STATUS_ERROR;
}

int command_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STATUS_OK;
    fprintf(stderr, "gotape-replay: cannot write the output: %s\n", strerror(errno));
    return STATUS_ERROR;
}

static void on_progress(void *context, const struct load_progress *progress)
{
    struct progress *self = context;
    char events[32], left[24] = "";
    if (progress->elapsed_ns < 300000000u && !self->is_shown)
        return;
    double share = progress->bytes_total ? (double)progress->bytes_done / (double)progress->bytes_total : 0;
    if (share > 0.02 && share < 1) {
        uint64_t left_ns = (uint64_t)((double)progress->elapsed_ns * (1 - share) / share);
        snprintf(left, sizeof left, ", %llu s left", (unsigned long long)(left_ns / 1000000000u + 1));
    }
    fprintf(stderr, "\r\033[Kloading %.60s: %s, %.0f %%, %s events%s", self->name, progress->stage,
            share * 100, units_format_count(progress->events, events, sizeof events), left);
    fflush(stderr);
    self->is_shown = true;
}

struct load_options command_load_options(struct progress *context, const char *path)
{
    const char *slash = strrchr(path, '/');
    memset(context, 0, sizeof *context);
    context->name = slash ? slash + 1 : path;
    struct load_options options = {.progress = terminal_width(stderr) > 0 ? on_progress : NULL,
                                   .context = context,
                                   .stop = interrupt_flag()};
    return options;
}

void command_end_progress(struct progress *self)
{
    if (self->is_shown)
        fprintf(stderr, "\r\033[K");
    self->is_shown = false;
}

int command_open(const char *path, struct opened *out)
{
    struct error err = {0};
    struct progress progress;
    struct load_options options = command_load_options(&progress, path);
    int rc = trace_open(path, &options, &out->trace, &err);
    command_end_progress(&progress);
    if (rc != 0)
        return command_fail(NULL, &err);
    interrupt_watch(out->trace.store);
    rc = quality_read(out->trace.store, &out->quality, &err);
    if (rc == 0)
        return STATUS_OK;
    interrupt_watch(NULL);
    trace_close(&out->trace);
    error_prefix(&err, "%s: ", path);
    return command_fail(NULL, &err);
}

int command_close(struct opened *self, int status)
{
    if (status == STATUS_OK)
        status = command_flush();
    if (status == STATUS_OK && quality_is_incomplete(&self->quality)) {
        struct buf problems;
        buf_init(&problems);
        quality_print_problems(&problems, &self->quality);
        buf_put_u8(&problems, 0);
        const char *path = self->trace.trace_path ? self->trace.trace_path : self->trace.db_path;
        fprintf(stderr,
                "gotape-replay: this answer rests on incomplete data: %s (see: gotape-replay %s %s)\n",
                problems.data ? (const char *)problems.data : "",
                self->trace.trace_path && self->quality.damage ? "verify" : "info", path);
        buf_release(&problems);
        status = STATUS_INCOMPLETE;
    }
    interrupt_watch(NULL);
    trace_close(&self->trace);
    return status;
}
