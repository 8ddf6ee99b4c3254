/* A keeper does what it is there for, and nothing else, whatever it is asked. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper.h"

static char folder[64];
static int folder_fd;

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/gotape-keeper-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return folder_fd < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    close(folder_fd);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static bool exists(const char *name)
{
    struct stat st;
    return fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void touch(const char *name, const char *text)
{
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static struct keeper *start(bool may_kill, pid_t target)
{
    struct keeper *keeper;
    struct error err = {0};
    struct keeper_options options = {.target = target,
                                     .target_pidfd = (int)syscall(SYS_pidfd_open, target, 0),
                                     .may_kill = may_kill,
                                     .folder = folder_fd,
                                     .stem = "api",
                                     .current = "api.gotape"};
    assert_int_equal(keeper_start(&options, &keeper, &err), 0);
    close(options.target_pidfd);
    return keeper;
}

static void files_of_the_recording(void **state)
{
    (void)state;
    struct keeper *keeper = start(false, getpid());
    struct error err = {0};
    struct stat st;
    int fd;
    assert_int_equal(keeper_create(keeper, "api-2.gotape", &fd, &err), 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    close(fd);
    assert_int_equal(keeper_create(keeper, "api-2.gotape", &fd, &err), ERR_USAGE);
    assert_int_equal(keeper_rename(keeper, "api-2.gotape", "api-3.gotape", &err), 0);
    assert_true(exists("api-3.gotape") && !exists("api-2.gotape"));
    assert_int_equal(keeper_remove(keeper, "api-2.gotape", &err), ERR_PERMISSION);
    assert_int_equal(keeper_remove(keeper, "api-3.gotape", &err), 0);
    assert_false(exists("api-3.gotape"));
    touch("api.gotape", "x");
    assert_int_equal(keeper_remove(keeper, "api.gotape", &err), 0);
    assert_false(exists("api.gotape"));
    keeper_close(keeper);
}

static void other_files_are_left_alone(void **state)
{
    (void)state;
    struct keeper *keeper = start(false, getpid());
    struct error err = {0};
    char outside[128];
    int fd = -1;
    touch("api-old.gotape", "old");
    touch("other", "other");
    assert_int_equal(symlinkat("other", folder_fd, "api-link"), 0);
    snprintf(outside, sizeof outside, "%s/api", folder);
    static const char *const names[] = {"other", "../api", "/etc/api", "api/../../x", "",
                                        ".",     "..",     ".other",   "..api"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(keeper_create(keeper, names[i], &fd, &err), ERR_PERMISSION);
    assert_int_equal(keeper_create(keeper, outside, &fd, &err), ERR_PERMISSION);
    assert_int_equal(keeper_create(keeper, "api-link", &fd, &err), ERR_USAGE);
    assert_int_equal(fd, -1);
    assert_int_equal(keeper_remove(keeper, "api-old.gotape", &err), ERR_PERMISSION);
    assert_int_equal(keeper_remove(keeper, "other", &err), ERR_PERMISSION);
    assert_int_equal(keeper_rename(keeper, "api-old.gotape", "api-new.gotape", &err), ERR_PERMISSION);
    assert_int_equal(keeper_create(keeper, "api-1", &fd, &err), 0);
    close(fd);
    assert_int_equal(keeper_rename(keeper, "api-1", "other", &err), ERR_PERMISSION);
    assert_int_equal(keeper_rename(keeper, "api-1", "../api-1", &err), ERR_PERMISSION);
    assert_true(exists("other") && exists("api-old.gotape") && exists("api-1"));
    keeper_close(keeper);
}

static void descriptors_are_named(void **state)
{
    (void)state;
    struct keeper *keeper = start(false, getpid());
    char link[FD_LINK_SIZE], name[FD_NAME_SIZE], wanted[FD_NAME_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "@gotape-test-keeper"};
    int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
        null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    address.sun_path[0] = '\0';
    assert_int_equal(bind(socket_fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_true(keeper_look_at_descriptor(keeper, null, link, name));
    assert_string_equal(link, "/dev/null");
    snprintf(wanted, sizeof wanted, "/dev/null fd %d", null);
    assert_string_equal(name, wanted);
    assert_true(keeper_look_at_descriptor(keeper, socket_fd, link, name));
    assert_memory_equal(link, "socket:[", 8);
    close(socket_fd);
    close(null);
    assert_false(keeper_look_at_descriptor(keeper, null, link, name));
    assert_false(keeper_look_at_descriptor(keeper, -1, link, name));
    keeper_close(keeper);
}

static void only_the_target_is_ended(void **state)
{
    (void)state;
    struct error err = {0};
    int status;
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    struct keeper *keeper = start(false, child);
    assert_int_equal(keeper_kill(keeper, SIGKILL, &err), ERR_PERMISSION);
    keeper_close(keeper);
    keeper = start(true, child);
    assert_int_equal(keeper_kill(keeper, SIGSTOP, &err), ERR_PERMISSION);
    assert_int_equal(keeper_kill(keeper, SIGTERM, &err), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(keeper_kill(keeper, SIGTERM, &err), 0); /* gone: nothing to do */
    keeper_close(keeper);
}

/* The recorder under test is a child that dies without a word. */
static void finishes_the_file_of_a_dead_recorder(void **state)
{
    (void)state;
    static const char *const written[] = {"new", ""};
    for (unsigned i = 0; i < 2; i++) {
        int status;
        touch("api.gotape", "old");
        pid_t child = fork();
        if (child == 0) {
            struct keeper *keeper;
            touch(".api.gotape.tmp", written[i]);
            struct keeper_options options = {.target = getpid(),
                                             .target_pidfd = -1,
                                             .folder = folder_fd,
                                             .stem = "api",
                                             .current = ".api.gotape.tmp",
                                             .final = "api.gotape"};
            if (keeper_start(&options, &keeper, NULL) == 0)
                kill(getpid(), SIGKILL);
            _exit(1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        for (unsigned tries = 0; exists(".api.gotape.tmp") && tries < 1000; tries++)
            usleep(10000);
        assert_false(exists(".api.gotape.tmp"));
        char text[8] = "";
        int fd = openat(folder_fd, "api.gotape", O_RDONLY);
        assert_int_equal(read(fd, text, sizeof text), 3);
        close(fd);
        assert_memory_equal(text, *written[i] ? "new" : "old", 3);
    }
}

static void death_of_the_keeper_is_told(void **state)
{
    (void)state;
    struct error err = {0};
    int fd = -1;
    struct keeper *keeper = start(false, getpid());
    assert_int_equal(keeper_create(keeper, "api-0", &fd, &err), 0); /* once it answers it has the name that is killed below */
    close(fd);
    signal(SIGPIPE, SIG_DFL); /* which it must not raise */
    char command[64];
    snprintf(command, sizeof command, "pkill -KILL -P %d gotape-keeper", (int)getpid());
    assert_int_equal(system(command), 0);
    assert_int_equal(keeper_create(keeper, "api-1", &fd, &err), ERR_GONE);
    assert_int_equal(keeper_create(keeper, "api-1", &fd, &err), ERR_GONE);
    assert_false(exists("api-1"));
    keeper_close(keeper);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(files_of_the_recording),
        IN_FOLDER(other_files_are_left_alone),
        IN_FOLDER(descriptors_are_named),
        IN_FOLDER(only_the_target_is_ended),
        IN_FOLDER(finishes_the_file_of_a_dead_recorder),
        IN_FOLDER(death_of_the_keeper_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
