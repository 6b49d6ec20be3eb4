/* Configurations of several files: globs, whose line is whose, and every way an include can go wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/config.h"

static char directory[64];

static const char *path(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *text = paths[next++ % 4];

    snprintf(text, sizeof paths[0], "%s/%s", directory, name);
    return text;
}

static void write_bytes(const char *name, const char *text, size_t length)
{
    FILE *stream = fopen(path(name), "w");

    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, length, stream), length);
    assert_int_equal(fclose(stream), 0);
}

static void write_file(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, P_tmpdir "/config_includeXXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    return mkdir(path("conf.d"), 0755);
}

static int remove_one(const char *file, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(file);
}

static int teardown(void **state)
{
    (void)state;
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define UPLINK "uplink \"hf0\" { addresses = \"203.0.113.10/24\" }\n"
#define SERVICE(name, port) \
    "service \"" name "\" { listen = \":" port "\" backend \"b\" { to = \"127.0.0.1:80\" } }\n"

static struct config *read_main(const char *text)
{
    char error[CONFIG_ERROR_MAX];
    struct config *config;

    write_file("main.conf", text);
    config = config_read(path("main.conf"), error);
    if (config == NULL)
        print_message("%s\n", error);
    return config;
}

/* "DIRECTORY/" stands for @ in the expected message. */
static void assert_refused(const char *text, const char *message)
{
    char error[CONFIG_ERROR_MAX], expected[CONFIG_ERROR_MAX] = "";

    write_file("main.conf", text);
    for (; *message != '\0'; message++) {
        size_t length = strlen(expected);

        if (*message == '@')
            snprintf(expected + length, sizeof expected - length, "%s/", directory);
        else
            snprintf(expected + length, sizeof expected - length, "%c", *message);
    }
    assert_null(config_read(path("main.conf"), error));
    assert_string_equal(error, expected);
}

static void a_glob_takes_its_files_in_order(void **state)
{
    char place[CONFIG_PLACE_MAX], expected[160];
    struct config *config;

    (void)state;
    write_file("conf.d/20-web.conf", "\n" SERVICE("web", "80"));
    write_file("conf.d/10-ssh.conf", "# no line end at the end of this file\n" SERVICE(
                                         "ssh", "22") "limits { max_connections = 7 }");
    write_file("conf.d/ignored.txt", "frog = 1\n");
    config =
        read_main(UPLINK "include(\"conf.d/*.conf\") drain_timeout = 1s\n" SERVICE("last", "1"));
    assert_non_null(config);
    assert_int_equal(config->services, 3);
    assert_string_equal(config->service[0].name, "ssh");
    assert_string_equal(config->service[1].name, "web");
    assert_string_equal(config->service[2].name, "last");
    assert_int_equal(config->limits.max_connections, 7);
    assert_int_equal(config->drain_timeout_ms, 1000);
    config_place(config, config->service[1].line, place);
    snprintf(expected, sizeof expected, "%s:2", path("conf.d/20-web.conf"));
    assert_string_equal(place, expected);
    config_place(config, config->service[2].line, place);
    snprintf(expected, sizeof expected, "%s:3", path("main.conf"));
    assert_string_equal(place, expected);
    config_free(config);
}

static void a_directory_without_files_is_no_error(void **state)
{
    struct config *config;

    (void)state;
    assert_int_equal(mkdir(path("none.d"), 0755), 0);
    config = read_main(UPLINK "include(\"none.d/*.conf\")\n" SERVICE("web", "80"));
    assert_non_null(config);
    config_free(config);
    assert_refused("include(\"away.d/*.conf\")\n",
                   "@main.conf:1: include of \"@away.d/*.conf\": its directory is not there or "
                   "cannot be read, accepted is one that can be");
}

static void a_dump_of_several_files_is_one_that_reads_back(void **state)
{
    char *text[2] = {NULL, NULL};
    size_t length;
    struct config *config;

    (void)state;
    write_file("conf.d/10-ssh.conf", SERVICE("ssh", "22"));
    write_file("conf.d/20-web.conf", SERVICE("web", "80"));
    config = read_main(UPLINK "include(\"conf.d/*.conf\")\n");
    for (int i = 0; i < 2; i++) {
        FILE *stream = open_memstream(&text[i], &length);

        assert_non_null(config);
        config_dump(config, stream);
        fclose(stream);
        config_free(config);
        config = i == 0 ? read_main(text[0]) : NULL;
    }
    assert_string_equal(text[0], text[1]);
    assert_null(strstr(text[0], "include"));
    free(text[0]);
    free(text[1]);
}

static void what_is_wrong_has_the_line_of_its_file(void **state)
{
    (void)state;
    write_file("conf.d/20-web.conf", SERVICE("web", "80"));
    write_file("conf.d/10-ssh.conf", "\n\nservice \"ssh\" {\n    frog = 1\n}\n");
    assert_refused(UPLINK "include(\"conf.d/10-ssh.conf\")\n",
                   "@conf.d/10-ssh.conf:4: \"frog\" is no key of service, accepted are listen, "
                   "allow, half_open_limit, half_open_timeout, on_timeout, syn_ack_retries, "
                   "half_open_per_prefix, syn_ack_cap, cookies, without_timestamps, when_full, "
                   "enforce, key_file, require_key, max_connections, max_per_prefix, "
                   "connect_timeout, connect_retries, "
                   "idle_timeout, total_timeout, check_interval, check_timeout, check_fall, "
                   "check_rise, backlog, backend");
    write_file("conf.d/10-ssh.conf", "\nservice \"ssh\" { listen = \":22\"\n}\n");
    assert_refused(UPLINK "include(\"conf.d/10-ssh.conf\")\n",
                   "@conf.d/10-ssh.conf:2: service \"ssh\" without backend, accepted is backend "
                   "\"NAME\" { to = \"127.0.0.1:8080\" }");
    write_file("conf.d/10-ssh.conf", SERVICE("ssh", "22") "drain_timeout = 1s\n");
    assert_refused("include(\"conf.d/10-ssh.conf\")\n\n" UPLINK "frog = 1\n",
                   "@main.conf:4: \"frog\" is no key here, accepted are control, metrics, log, "
                   "capture, journal, journal_size, journal_keep, journal_seal, user, sandbox, "
                   "state_directory, cookie_key_file, drain_timeout, "
                   "uplink, limits, filter, service");
}

static void a_key_or_a_name_of_two_files_is_repeated(void **state)
{
    (void)state;
    write_file("conf.d/10-ssh.conf", "drain_timeout = 1s\n" SERVICE("ssh", "22"));
    write_file("conf.d/20-web.conf", "\n\ndrain_timeout = 2s\n");
    assert_refused(UPLINK "include(\"conf.d/*.conf\")\n",
                   "@conf.d/20-web.conf:3: drain_timeout a second time, accepted is every key once "
                   "(the first is in @conf.d/10-ssh.conf:1)");
    write_file("conf.d/20-web.conf", "\n" SERVICE("ssh", "23"));
    assert_refused(UPLINK "include(\"conf.d/*.conf\")\n",
                   "@conf.d/20-web.conf:2: a second \"ssh\", accepted is every name once");
    write_file("conf.d/20-web.conf", "\n" SERVICE("web", "22"));
    assert_refused(UPLINK "include(\"conf.d/*.conf\")\n",
                   "@conf.d/20-web.conf:2: listen has [::]:22 again, accepted is every address and "
                   "port once (it is in @conf.d/10-ssh.conf:2)");
    write_file("conf.d/20-web.conf", UPLINK);
    assert_refused(UPLINK "include(\"conf.d/*.conf\")\n",
                   "@conf.d/20-web.conf:1: a second \"hf0\", accepted is every name once");
}

static void a_file_that_includes_itself_is_named(void **state)
{
    (void)state;
    assert_refused(
        "\ninclude(\"main.conf\")\n",
        "@main.conf:2: include of \"@main.conf\": it is being read already, accepted are "
        "files that do not include themselves");
    write_file("conf.d/20-web.conf", "include(\"../main.conf\")\n");
    assert_refused("include(\"conf.d/20-web.conf\")\n",
                   "@conf.d/20-web.conf:1: include of \"@conf.d/../main.conf\": it is being read "
                   "already, accepted are files that do not include themselves");
}

static void a_chain_of_files_has_an_end(void **state)
{
    char name[16], text[64];

    (void)state;
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "%d.conf", i);
        snprintf(text, sizeof text, "include(\"%d.conf\")\n", i + 1);
        write_file(name, text);
    }
    assert_refused("include(\"0.conf\")\n",
                   "@7.conf:1: include of \"@8.conf\": files that include files more than 8 deep, "
                   "accepted are 8");
}

static void files_that_are_none_are_named(void **state)
{
    (void)state;
    assert_refused(
        "\ninclude(\"missing.conf\")\n",
        "@main.conf:2: @missing.conf: No such file or directory, accepted is a text file "
        "of at most 1048576 bytes");
    assert_refused("include(\"conf.d\")\n",
                   "@main.conf:1: @conf.d: a directory, accepted is a text file of at most 1048576 "
                   "bytes");
    assert_refused(
        "include(\"/dev/zero\")\n",
        "@main.conf:1: /dev/zero: not a regular file, accepted is a text file of at most "
        "1048576 bytes");
    write_bytes("binary.conf", "\n\x01\x02", 3);
    assert_refused("include(\"binary.conf\")\n",
                   "@binary.conf:2: a byte 0x01, accepted is text in UTF-8 (it is named in "
                   "@main.conf:1)");
    write_file("huge.conf", "");
    assert_int_equal(truncate(path("huge.conf"), CONFIG_FILE_MAX + 1), 0);
    assert_refused(
        "include(\"huge.conf\")\n",
        "@main.conf:1: @huge.conf: too large, accepted is a text file of at most 1048576 "
        "bytes");
}

static void all_files_together_have_a_limit(void **state)
{
    char *blanks = malloc(600000);

    (void)state;
    memset(blanks, '\n', 600000);
    write_bytes("a.part", blanks, 600000);
    write_bytes("b.part", blanks, 600000);
    free(blanks);
    assert_refused("include(\"*.part\")\n",
                   "@b.part:1: too much text in all files together, accepted are 1048576 bytes");
}

static void an_include_has_one_form(void **state)
{
    static const char *const texts[] = {"include\n",         "include()\n",       "include(x)\n",
                                        "include(\"\")\n",   "include = \"x\"\n", "include(\"x\"\n",
                                        "include(\"x\\\")\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char error[CONFIG_ERROR_MAX];

        write_file("main.conf", texts[i]);
        assert_null(config_read(path("main.conf"), error));
        assert_non_null(strstr(error, "include without a pattern, accepted is "
                                      "include(\"conf.d/*.conf\")"));
    }
    assert_refused("service \"web\" {\n include(\"x\") }\n",
                   "@main.conf:2: include within a section, accepted is include outside of "
                   "sections");
    assert_refused("include(\"x\") }\n",
                   "@main.conf:1: a \"}\" that closes nothing, accepted is one for every \"{\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_glob_takes_its_files_in_order),
        cmocka_unit_test(a_directory_without_files_is_no_error),
        cmocka_unit_test(a_dump_of_several_files_is_one_that_reads_back),
        cmocka_unit_test(what_is_wrong_has_the_line_of_its_file),
        cmocka_unit_test(a_key_or_a_name_of_two_files_is_repeated),
        cmocka_unit_test(a_file_that_includes_itself_is_named),
        cmocka_unit_test(a_chain_of_files_has_an_end),
        cmocka_unit_test(files_that_are_none_are_named),
        cmocka_unit_test(all_files_together_have_a_limit),
        cmocka_unit_test(an_include_has_one_form),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
