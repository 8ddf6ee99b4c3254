#include "container.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Ids have 64 digits; those of ECS tasks are shorter, 32 and a number behind. */
#define ID_LENGTH_MIN 32

struct word {
    const char *at;
    size_t length;
};

static bool is_word(struct word word, const char *text)
{
    return word.length == strlen(text) && memcmp(word.at, text, word.length) == 0;
}

static bool take_prefix(struct word *word, const char *prefix)
{
    size_t length = strlen(prefix);
    if (word->length < length || memcmp(word->at, prefix, length) != 0)
        return false;
    word->at += length;
    word->length -= length;
    return true;
}

static void drop_suffix(struct word *word, const char *suffix)
{
    size_t length = strlen(suffix);
    if (word->length > length && memcmp(word->at + word->length - length, suffix, length) == 0)
        word->length -= length;
}

static bool is_id(struct word word)
{
    size_t digits = 0;
    while (digits < word.length && isxdigit((unsigned char)word.at[digits]))
        digits++;
    if (digits < ID_LENGTH_MIN)
        return false;
    if (digits < word.length && word.at[digits] == '-') {
        digits++;
        while (digits < word.length && isdigit((unsigned char)word.at[digits]))
            digits++;
    }
    return digits == word.length;
}

static void copy(char *out, size_t size, struct word word)
{
    snprintf(out, size, "%.*s", (int)word.length, word.at);
}

/* What stands before an id in the same part of a path, or in the part before. */
static const struct {
    const char *prefix, *parent, *runtime;
} forms[] = {
    {"docker-", NULL, "docker"},
    {"cri-containerd-", NULL, "containerd"},
    {"cri-containerd:", NULL, "containerd"},
    {"crio-", NULL, "cri-o"},
    {"libpod-", NULL, "podman"},
    {"nerdctl-", NULL, "containerd"},
    {"", "docker", "docker"},
    {"", "default", "containerd"},
    {"", "k8s.io", "containerd"},
    {"", NULL, ""},
};

static bool take_id(struct word part, struct word parent, struct container *out)
{
    drop_suffix(&part, ".scope");
    /* "kubepods-burstable-podUID.slice:cri-containerd:ID" */
    const char *colon = memchr(part.at, ':', part.length);
    if (colon) {
        part.length -= (size_t)(colon + 1 - part.at);
        part.at = colon + 1;
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct word id = part;
        if (forms[i].parent && !is_word(parent, forms[i].parent))
            continue;
        if (take_prefix(&id, forms[i].prefix) && is_id(id) && id.length < sizeof out->id) {
            copy(out->id, sizeof out->id, id);
            snprintf(out->runtime, sizeof out->runtime, "%s", forms[i].runtime);
            return true;
        }
    }
    return false;
}

/* "podUID", "kubepods-podUID.slice", "kubepods-burstable-podUID.slice:…"; systemd's form has _ for each -. */
static void take_pod(struct word part, struct container *out)
{
    const size_t uid_length = 36, short_length = 32;
    for (size_t at = 0; at + 3 < part.length; at++) {
        bool begins = at == 0 || part.at[at - 1] == '-';
        if (!begins || memcmp(part.at + at, "pod", 3) != 0)
            continue;
        struct word uid = {part.at + at + 3, 0};
        while (at + 3 + uid.length < part.length &&
               (isxdigit((unsigned char)uid.at[uid.length]) || strchr("-_", uid.at[uid.length])))
            uid.length++;
        if (uid.length != uid_length && uid.length != short_length)
            continue;
        copy(out->pod, sizeof out->pod, uid);
        for (char *c = out->pod; *c; c++)
            *c = *c == '_' ? '-' : *c;
        return;
    }
}

bool container_from_cgroup(const char *path, struct container *out)
{
    struct container found = {.id = ""};
    struct word parent = {"", 0};
    while (*path) {
        struct word part = {path, strcspn(path, "/")};
        take_pod(part, &found);
        take_id(part, parent, &found); /* the last one stands: a container may run others */
        parent = part;
        path += part.length;
        path += *path == '/';
    }
    if (!found.id[0])
        return false;
    *out = found;
    return true;
}

bool container_is_named(const struct container *self, const char *given)
{
    const char *scheme = strstr(given, "://");
    const char *id = scheme ? scheme + 3 : given;
    return *id && strncmp(self->id, id, strlen(id)) == 0;
}
