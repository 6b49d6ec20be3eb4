/* Key files: what is accepted, what is named, and that no secret is in a message; what a reload makes of them.
 * [RFC 5926 3.1; R5926-03, R5926-07, R9235-06, R2385-07] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <handfast/os.h>

#include "guard/guard_keys.h"

static char path[64];

static void write_keys(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static int make_path(void **state)
{
    int fd;

    (void)state;
    snprintf(path, sizeof path, "/tmp/key_file_XXXXXX");
    fd = mkstemp(path);
    close(fd);
    return fd < 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void every_form_of_a_line(void **state)
{
    struct key_list list = {.entries = NULL};
    char error[KEY_FILE_ERROR_MAX], text[HF_ADDRESS_TEXT_MAX];

    (void)state;
    write_keys(
        "# comments and blank lines\n"
        "\n"
        "  peer 198.51.100.7 algorithm hmac-sha-1-96 send 61 receive 84 secret \"two words # 1\"\n"
        "peer 2001:db8:5::/48\talgorithm aes-128-cmac-96 send 0 receive 255 hex 00ff1A # behind\r\n"
        "peer any algorithm hmac-sha-256-128 send 1 receive 2 secret 'x' port 179 "
        "options-excluded\n"
        "peer 198.51.100.0/24 algorithm md5 secret plain\n"
        "peer 198.51.100.9 send 3 receive 3 secret s algorithm SHA1\n"
        "secret s peer 198.51.100.9 send 4 receive 4 algorithm AES128\n"
        "peer 198.51.100.9 send 5 receive 5 secret s",
        0600);
    assert_true(key_file_read(&list, path, error));
    assert_int_equal(list.count, 7);
    const struct hf_key first = key_entry_key(&list.entries[0]);
    assert_string_equal(hf_address_format(text, &first.remote.address), "198.51.100.7");
    assert_int_equal(first.remote.length, 32);
    assert_int_equal(first.send_id, 61);
    assert_int_equal(first.receive_id, 84);
    assert_int_equal(first.secret_length, 13);
    assert_memory_equal(first.secret, "two words # 1", 13);
    assert_int_equal(list.entries[0].line, 3);
    assert_int_equal(list.entries[1].key.algorithm, HF_KEY_AES_128_CMAC_96);
    assert_int_equal(list.entries[1].key.secret_length, 3);
    assert_memory_equal(list.entries[1].secret, "\x00\xff\x1a", 3);
    assert_int_equal(list.entries[2].key.remote.length, 0);
    assert_int_equal(list.entries[2].key.remote_port, 179);
    assert_true(list.entries[2].key.options_excluded);
    assert_int_equal(list.entries[3].key.algorithm, HF_KEY_MD5);
    assert_int_equal(list.entries[4].key.algorithm, HF_KEY_HMAC_SHA_1_96);
    assert_int_equal(list.entries[5].key.algorithm, HF_KEY_AES_128_CMAC_96);
    assert_int_equal(list.entries[6].key.algorithm, HF_KEY_HMAC_SHA_1_96);
    key_list_free(&list);
    assert_null(list.entries);
}

#define SECRET "not-to-be-shown"
#define GOOD "peer 192.0.2.1 send 1 receive 1 "

static void every_bad_line_is_named(void **state)
{
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"peer 192.0.2.256 send 1 receive 1 secret " SECRET, "peer 192.0.2.256, accepted is"},
        {"peer 192.0.2.1/33 send 1 receive 1 secret " SECRET, "peer 192.0.2.1/33, accepted is"},
        {"send 1 receive 1 secret " SECRET, "no peer"},
        {"peer 192.0.2.1 send 1 receive 1", "no secret"},
        {"peer 192.0.2.1 secret " SECRET, "without send and receive"},
        {"peer 192.0.2.1 send 1 secret " SECRET, "without send and receive"},
        {GOOD "secret " SECRET " algorithm sha-512",
         "algorithm sha-512, accepted are hmac-sha-1-96, aes-128-cmac-96, hmac-sha-256-128 and "
         "md5"},
        {"peer 192.0.2.1 send 256 receive 1 secret " SECRET, "send 256, accepted is an id"},
        {GOOD "secret " SECRET " secret " SECRET, "a second secret, accepted is one secret or hex"},
        {GOOD "secret " SECRET " hex 00", "a second hex, accepted is one secret or hex"},
        {GOOD "peer 192.0.2.2 secret " SECRET, "a second peer, accepted is one"},
        {GOOD "send 2 secret " SECRET, "a second send, accepted is one"},
        {GOOD "algorithm md5 algorithm md5 secret " SECRET, "a second algorithm"},
        {GOOD "port 1 port 2 secret " SECRET, "a second port"},
        {"peer 192.0.2.1 send 1 receive -1 secret " SECRET, "receive -1, accepted is an id"},
        {"peer 192.0.2.1 send 1 receive 1x secret " SECRET, "receive 1x, accepted is an id"},
        {GOOD "port 0 secret " SECRET, "port 0, accepted is"},
        {GOOD "port 65536 secret " SECRET, "port 65536, accepted is"},
        {GOOD "hex 123", "the hex is not shown"},
        {GOOD "hex 12zz", "the hex is not shown"},
        {GOOD "secret \"\"", "the secret is not shown, accepted are 1 to 128 letters"},
        {GOOD "secret \"" SECRET, "quotes that do not end"},
        {GOOD "secret", "a word without a value"},
        {GOOD "secret testvector", "RFC 9235"},
        {"peer 192.0.2.1 algorithm md5 send 1 secret " SECRET, "md5 has no ids"},
        {"peer 192.0.2.1 algorithm md5 secret "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "longer than 80 bytes"},
        {"password " SECRET, "an unknown word, not shown"},
        {GOOD "secret two " SECRET " more", "an unknown word, not shown"},
    };
    char error[KEY_FILE_ERROR_MAX], place[96];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct key_list list = {.entries = NULL};
        char text[512];

        snprintf(text, sizeof text, "# first\n%s\n", rows[i].line);
        write_keys(text, 0600);
        snprintf(place, sizeof place, "%s:2: ", path);
        assert_false(key_file_read(&list, path, error));
        print_message("%s\n", error + strlen(path));
        assert_int_equal(strncmp(error, place, strlen(place)), 0);
        assert_non_null(strstr(error, rows[i].said));
        assert_null(strstr(error, SECRET));
        key_list_free(&list);
    }
}

static void only_its_owner_may_read_it(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0660, 0644, 0777, 0610};
    struct key_list list = {.entries = NULL};
    char error[KEY_FILE_ERROR_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_keys(GOOD "secret x\n", modes[i]);
        assert_false(key_file_read(&list, path, error));
        assert_non_null(strstr(error, "accepted is 0600 (chmod 600"));
    }
    write_keys(GOOD "secret x\n", 0400);
    assert_true(key_file_read(&list, path, error));
    key_list_free(&list);
    assert_false(key_file_read(&list, "/tmp", error));
    assert_non_null(strstr(error, "no regular file"));
    assert_false(key_file_read(&list, "/nowhere/keys", error));
    assert_string_equal(error, "/nowhere/keys: No such file or directory, accepted is a file that "
                               "can be read");
}

/* ---- in force ---- */

static struct hf_stack *open_stack(struct hf_env *env)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct hf_stack *stack;

    config.max_keys = 8;
    assert_int_equal(hf_prefix_parse(&config.addresses[0], "192.0.2.1/24"), HF_OK);
    assert_int_equal(hf_os_env(env, hf_memory_needed(&config)), HF_OK);
    env->crypto = hf_os_crypto();
    assert_int_equal(hf_init(&stack, &config, env, 0), HF_OK);
    return stack;
}

/* The serial numbers of all keys, as hf_key_next walks: a key that was touched has another. */
static uint32_t serials(const struct hf_stack *stack, uint64_t serial[8])
{
    uint64_t cursor = 0;
    uint32_t count = 0;
    struct hf_key key;

    while (hf_key_next(stack, &cursor, &key) == HF_OK)
        serial[count++] = cursor;
    return count;
}

static int install(struct guard_keys *keys, struct hf_stack *stack, const char *text)
{
    static struct config config;
    struct key_image image;
    char error[GUARD_KEYS_ERROR_MAX];

    write_keys(text, 0600);
    config.services = 1;
    snprintf(config.service[0].key_file, sizeof config.service[0].key_file, "%s", path);
    config.service[0].listen.count = 1;
    config.service[0].listen.items[0].endpoint.port = 179;
    assert_true(key_image_make(&image, &config, error));
    return guard_keys_install(keys, &image, stack);
}

#define ONE "peer 192.0.2.7 send 1 receive 1 secret one\n"
#define TWO "peer 192.0.2.8 send 2 receive 2 secret two\n"

static void a_reload_touches_what_changed(void **state)
{
    struct guard_keys keys = {.keys = NULL};
    struct hf_env env;
    struct hf_stack *stack = open_stack(&env);
    uint64_t before[8], after[8];

    (void)state;
    assert_int_equal(install(&keys, stack, ONE TWO), HF_OK);
    assert_int_equal(serials(stack, before), 2);
    assert_int_equal(install(&keys, stack, TWO ONE), HF_OK); /* the same */
    assert_int_equal(serials(stack, after), 2);
    assert_memory_equal(before, after, 2 * sizeof *before);
    assert_int_equal(install(&keys, stack, ONE "peer 192.0.2.8 send 2 receive 2 secret other\n"),
                     HF_OK);
    assert_int_equal(serials(stack, after), 2);
    assert_int_equal(after[0], before[0]);
    assert_true(after[1] > before[1]); /* its secret is another */
    assert_int_equal(install(&keys, stack, "# none\n"), HF_OK);
    assert_int_equal(serials(stack, after), 0);
    guard_keys_close(&keys);
    hf_os_env_free(&env);
}

/* The same ids of overlapping peers are the stack's to refuse: the others are in force. */
static void what_the_stack_refuses_is_told(void **state)
{
    struct guard_keys keys = {.keys = NULL};
    struct hf_env env;
    struct hf_stack *stack = open_stack(&env);
    uint64_t serial[8];

    (void)state;
    assert_int_equal(install(&keys, stack, ONE "peer 192.0.2.0/24 send 1 receive 1 secret x\n" TWO),
                     HF_EXISTS);
    assert_int_equal(serials(stack, serial), 2);
    assert_int_equal(install(&keys, stack, "peer 192.0.2.0/24 send 1 receive 1 secret x\n" TWO),
                     HF_OK); /* the one in its way is gone */
    assert_int_equal(serials(stack, serial), 2);
    guard_keys_close(&keys);
    hf_os_env_free(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_line),
        cmocka_unit_test(every_bad_line_is_named),
        cmocka_unit_test(only_its_owner_may_read_it),
        cmocka_unit_test(a_reload_touches_what_changed),
        cmocka_unit_test(what_the_stack_refuses_is_told),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
