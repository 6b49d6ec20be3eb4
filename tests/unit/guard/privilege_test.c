/* Privileges given up: what the kernel says of a child that did it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <handfast/handfast.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/privilege.h"

#define USER "nobody"

static char status_text[8192];

static void read_status(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    size_t got;

    assert_non_null(file);
    got = fread(status_text, 1, sizeof status_text - 1, file);
    status_text[got] = '\0';
    fclose(file);
}

static uint64_t status_number(const char *key, int base)
{
    const char *at = strstr(status_text, key);

    assert_non_null(at);
    return strtoull(at + strlen(key), NULL, base);
}

/* cmocka's asserts end a child by its exit code: a failed one runs the test's remains in there, so it leaves by itself. */
static void in_a_child(void (*act)(void))
{
    int status;
    pid_t child;

    if (geteuid() != 0)
        skip();
    child = fork();
    if (child == 0) {
        act();
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child ended with %x; the line is its exit code", (unsigned)status);
}

#define NEED(condition)                                        \
    do {                                                       \
        if (!(condition)) {                                    \
            fprintf(stderr, "%d: %s\n", __LINE__, #condition); \
            _exit(1);                                          \
        }                                                      \
    } while (0)

static void drop(const char *user, uint32_t keep)
{
    struct privilege privilege = {user, keep};
    char error[PRIVILEGE_ERROR_MAX] = "";
    int result = privilege_drop(&privilege, error);

    if (result != HF_OK)
        fprintf(stderr, "%s\n", error);
    NEED(result == HF_OK);
    read_status();
}

static void become_nobody(void)
{
    const struct passwd *entry = getpwnam(USER);
    uint64_t uid, gid;

    NEED(entry != NULL);
    uid = entry->pw_uid;
    gid = entry->pw_gid;
    drop(USER, 0);
    NEED(status_number("\nUid:", 10) == uid && getuid() == uid && geteuid() == uid);
    NEED(status_number("\nGid:", 10) == gid);
    NEED(status_number("\nGroups:", 10) == gid || getgroups(0, NULL) <= 1);
    NEED(status_number("\nCapEff:", 16) == 0 && status_number("\nCapPrm:", 16) == 0);
    NEED(status_number("\nCapInh:", 16) == 0 && status_number("\nCapBnd:", 16) == 0);
    NEED(status_number("\nCapAmb:", 16) == 0);
    NEED(status_number("\nNoNewPrivs:", 10) == 1);
    NEED(prctl(PR_GET_DUMPABLE) == 0);
    NEED(setuid(0) != 0 && seteuid(0) != 0 && setresuid(0, 0, 0) != 0 && setgid(0) != 0);
    NEED(socket(AF_PACKET, SOCK_RAW, 0) < 0);
    NEED(access("/etc/shadow", R_OK) != 0);
}

static void nothing_is_left_of_root(void **state)
{
    (void)state;
    in_a_child(become_nobody);
}

static void keep_two(void)
{
    const uint64_t wanted = UINT64_C(1) << CAP_NET_RAW | UINT64_C(1) << CAP_NET_ADMIN;

    drop(USER, PRIVILEGE_NET_RAW | PRIVILEGE_NET_ADMIN);
    NEED(status_number("\nCapEff:", 16) == wanted && status_number("\nCapPrm:", 16) == wanted);
    NEED(status_number("\nCapBnd:", 16) == 0 && status_number("\nCapAmb:", 16) == 0);
    NEED(geteuid() != 0 && setuid(0) != 0);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    NEED(setsockopt(fd, IPPROTO_IP, 19 /* IP_TRANSPARENT */, &one, sizeof one) == 0);
}

static void the_named_capabilities_stay_and_no_others(void **state)
{
    (void)state;
    in_a_child(keep_two);
}

static void stay_root(void)
{
    drop("", PRIVILEGE_NET_RAW);
    NEED(geteuid() == 0);
    NEED(status_number("\nCapEff:", 16) == UINT64_C(1) << CAP_NET_RAW);
    NEED(status_number("\nCapPrm:", 16) == UINT64_C(1) << CAP_NET_RAW);
    NEED(status_number("\nCapBnd:", 16) == 0);
    NEED(status_number("\nNoNewPrivs:", 10) == 1);
    NEED(setgid(1) != 0);
}

static void root_without_a_user_loses_its_capabilities_too(void **state)
{
    (void)state;
    in_a_child(stay_root);
}

static void name_nobody_at_all(void)
{
    struct privilege privilege = {"handfast-no-such-user", 0};
    char error[PRIVILEGE_ERROR_MAX] = "";

    NEED(privilege_drop(&privilege, error) == HF_NO_PERMISSION);
    NEED(strstr(error, "\"handfast-no-such-user\": there is no such user") != NULL);
    NEED(geteuid() == 0);
}

static void a_user_who_does_not_exist_is_named(void **state)
{
    (void)state;
    in_a_child(name_nobody_at_all);
}

static void ask_for_what_is_gone(void)
{
    struct privilege privilege = {"", PRIVILEGE_NET_ADMIN};
    char error[PRIVILEGE_ERROR_MAX] = "";

    drop(USER, 0);
    NEED(privilege_drop(&privilege, error) == HF_NO_PERMISSION);
    NEED(strstr(error, "net_admin") != NULL && strstr(error, "does not have it") != NULL);
}

static void a_capability_that_is_missing_is_named(void **state)
{
    (void)state;
    in_a_child(ask_for_what_is_gone);
}

static void drop_twice(void)
{
    drop(USER, 0);
    drop(USER, 0);
    NEED(status_number("\nCapEff:", 16) == 0);
}

static void who_is_not_root_stays_who_he_is(void **state)
{
    (void)state;
    in_a_child(drop_twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_of_root),
        cmocka_unit_test(the_named_capabilities_stay_and_no_others),
        cmocka_unit_test(root_without_a_user_loses_its_capabilities_too),
        cmocka_unit_test(a_user_who_does_not_exist_is_named),
        cmocka_unit_test(a_capability_that_is_missing_is_named),
        cmocka_unit_test(who_is_not_root_stays_who_he_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
