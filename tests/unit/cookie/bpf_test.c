/* The cookie's headers are freestanding: clang compiles them for the kernel's packet path. (HF1) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIPPED 77

/* What a program in the packet path would do: make one, open one. */
static const char program[] =
    "#include \"cookie/syn_cookie.h\"\n"
    "struct work {\n"
    "    struct key_ring ring;\n"
    "    struct cookie_handshake about;\n"
    "    struct syn_info syn;\n"
    "    struct cookie cookie;\n"
    "    uint32_t isn, echo;\n"
    "};\n"
    "int make(struct work *work)\n"
    "{\n"
    "    const struct siphash_key *key = key_ring_of(&work->ring, work->about.slot);\n"
    "    if (!key)\n"
    "        return 0;\n"
    "    work->cookie = syn_cookie_make(*key, &work->about, &work->syn);\n"
    "    return 1;\n"
    "}\n"
    "int open(struct work *work)\n"
    "{\n"
    "    return syn_cookie_open(&work->ring, &work->about, work->isn, &work->echo, &work->syn);\n"
    "}\n"
    "int open_plain(struct work *work)\n"
    "{\n"
    "    return syn_cookie_open(&work->ring, &work->about, work->isn, 0, &work->syn);\n"
    "}\n";

/* The compiler's exit status; 127 without one. */
static int compile(const char *target)
{
    char command[512];
    FILE *compiler;
    int status;

    snprintf(
        command, sizeof command,
        "clang -target %s -ffreestanding -std=c17 -O2 -Wall -Wextra -Werror -I%s/src -x c -c -o "
        "/dev/null - 2>&1",
        target, HF_SOURCE_DIR);
    compiler = popen(command, "w");
    assert_non_null(compiler);
    fputs(program, compiler);
    status = pclose(compiler);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void compiles_for_the_packet_path(void **state)
{
    (void)state;
    assert_int_equal(compile("bpf"), 0);
}

static void compiles_for_the_other_byte_order(void **state)
{
    (void)state;
    assert_int_equal(compile("bpfeb"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiles_for_the_packet_path),
        cmocka_unit_test(compiles_for_the_other_byte_order),
    };

    if (system("clang --version >/dev/null 2>&1") != 0) {
        print_message("no clang here\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
