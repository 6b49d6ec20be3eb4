/* Configuration files: what a good one means, what each bad one is told, and that a dump reads back to the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/config_keys.h"

static char file[64]; /* what the test writes */

static int setup(void **state)
{
    int fd;

    (void)state;
    snprintf(file, sizeof file, P_tmpdir "/config_testXXXXXX");
    fd = mkstemp(file);
    return fd >= 0 ? close(fd) : -1;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(file);
}

static void write_file(const char *text, size_t length)
{
    FILE *stream = fopen(file, "w");

    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, length, stream), length);
    assert_int_equal(fclose(stream), 0);
}

static struct config *read_text(const char *text)
{
    char error[CONFIG_ERROR_MAX];
    struct config *config;

    write_file(text, strlen(text));
    config = config_read(file, error);
    if (config == NULL)
        print_message("%s\n", error);
    return config;
}

#define UPLINK "uplink \"hf0\" { addresses = { \"203.0.113.10/24\", \"2001:db8::10/64\" } }\n"
#define SERVICE \
    "service \"web\" { listen = \"203.0.113.10:80\" backend \"b\" { to = \"127.0.0.1:80\" } }\n"
#define KEYS                                                                \
    "control, metrics, log, capture, journal, journal_size, journal_keep, " \
    "journal_seal, user, sandbox, state_directory, cookie_key_file, "       \
    "drain_timeout, uplink, limits, filter, service"
#define PORT_UPLINK "uplink \"eth0\" { mode = port }\n"
#define BACKEND(...) \
    UPLINK "service \"x\" { listen = \":80\"\nbackend \"b\" { " __VA_ARGS__ " } }\n"

/* The message after "FILE:"; whoever reads it must learn what was found and what is accepted. */
static const struct bad {
    const char *text, *message;
} bad[] = {
    {"", "1: no uplink, accepted is one: uplink \"hf0\" { addresses = { \"203.0.113.10/24\" } }"},
    {SERVICE,
     "2: no uplink, accepted is one: uplink \"hf0\" { addresses = { \"203.0.113.10/24\" } }"},
    {UPLINK, "2: no service, accepted is at least one: service \"web\" { ... }"},
    /* keys */
    {UPLINK "frog = 1\n" SERVICE, "2: \"frog\" is no key here, accepted are " KEYS},
    {UPLINK "limits {\n frog = 1 }\n" SERVICE,
     "3: \"frog\" is no key of limits, accepted are max_connections, receive_buffer, send_buffer, "
     "buffer_memory, stall_timeout, reset_budget, challenge_budget, icmp_budget, scan_ports"},
    {UPLINK "service \"x\" { frog = 1 }\n",
     "2: \"frog\" is no key of service, accepted are listen, allow, half_open_limit, "
     "half_open_timeout, on_timeout, syn_ack_retries, half_open_per_prefix, syn_ack_cap, cookies, "
     "without_timestamps, when_full, enforce, key_file, require_key, max_connections, "
     "max_per_prefix, connect_timeout, "
     "connect_retries, idle_timeout, total_timeout, check_interval, check_timeout, check_fall, "
     "check_rise, backlog, backend"},
    {UPLINK "filter { outgoing = \"127.0.0.1:443\" }\n",
     "2: \"outgoing\" is no key of filter, accepted are deny_files, bogons, reverse_path, "
     "file_sharing, inside, rules, egress"},
    {"drain_timeout = 1s\n\ndrain_timeout = 1s\n" UPLINK SERVICE,
     "3: drain_timeout a second time, accepted is every key once (the first is in line 1)"},
    {"uplink \"hf0\" { addresses = { \"203.0.113.10/24\" }\naddresses = { \"203.0.113.11/24\" } "
     "}\n",
     "2: addresses a second time, accepted is every key once (the first is in line 1)"},
    {"uplink \"hf0\" { addresses = { \"203.0.113.10/24\" }\ngateway = \"203.0.113.1\"\ngateway = "
     "{} }\n" SERVICE,
     "2: gateway a second time, accepted is every key once (the first is in line 2)"},
    {UPLINK UPLINK SERVICE, "2: a second \"hf0\", accepted is every name once"},
    {UPLINK "uplink \"hf1\" {}\n" SERVICE, "2: a second uplink, accepted is one"},
    {UPLINK SERVICE SERVICE, "3: a second \"web\", accepted is every name once"},
    {UPLINK "limits {}\nlimits {}\n" SERVICE, "3: a second limits, accepted is one"},
    /* syntax */
    {"control = \"abc\n", "1: a string that does not end on its line, accepted is \"...\""},
    {"control = 'abc", "1: a string that does not end on its line, accepted is \"...\""},
    {"\n/* abc\n", "2: a comment that does not end, accepted is /* ... */"},
    {"control \"x\"\n", "1: no \"=\" after control, accepted is control = VALUE"},
    {"control =", "1: the file ends within a key, accepted is KEY = VALUE"},
    {"log =\ncontrol = \"/x\"\n", "1: no value behind \"=\", accepted is KEY = VALUE on one line"},
    {"control = { \"x\" }\n",
     "1: \"{\" is out of place, accepted are KEY = VALUE and KEY = { VALUE, VALUE }"},
    {"control = ${HOME}\n", "1: \"${\", accepted is plain text: variables are not replaced"},
    {"control = \"${HOME}\"\n", "1: \"${\", accepted is plain text: variables are not replaced"},
    {UPLINK "service { }\n", "2: service without its name, accepted is service \"NAME\" { ... }"},
    {UPLINK "service \"x\"\nlisten = 3",
     "3: service without its \"{\", accepted is service \"NAME\" { ... }"},
    {UPLINK SERVICE "}\n", "3: a \"}\" that closes nothing, accepted is one for every \"{\""},
    {UPLINK SERVICE "limits {\n\n",
     "3: a \"{\" that is not closed, accepted is one \"}\" for every \"{\""},
    {"\x7f"
     "ELF",
     "1: a byte 0x7f, accepted is text in UTF-8"},
    {UPLINK "# caf\xe9\n", "2: a byte 0xe9, accepted is text in UTF-8"},
    {UPLINK "service \"caf\xe9\" {}\n", "2: a byte 0xe9, accepted is text in UTF-8"},
    {UPLINK "service \"a\x1b[31m\" {}\n", "2: a byte 0x1b, accepted is text in UTF-8"},
    {UPLINK "service \"a\rb\" {}\n", "2: a byte 0x0d, accepted is text in UTF-8"},
    {UPLINK "service \"a\tb\" {}\n", "2: a byte 0x09, accepted is text in UTF-8"},
    {UPLINK "service \"a\r\n\" {}\n", "2: a string that does not end on its line, accepted is "
                                      "\"...\""},
    {UPLINK "service \"a\\nb\" {}\n", "2: an escape in a string, accepted are \\\\ and \\\" alone"},
    {UPLINK "service 'a\\x1bb' {}\n", "2: an escape in a string, accepted are \\\\ and \\\" alone"},
    {UPLINK "limits \"x\" { }\n", "2: limits without its \"{\", accepted is limits { ... }"},
    /* values */
    {"drain_timeout = 10x\n", "1: drain_timeout = \"10x\", accepted is a duration from 0 to 1h, "
                              "such as 500ms, 10s, 5m, 2h or 1d"},
    {"drain_timeout = 10\n", "1: drain_timeout = \"10\", accepted is a duration from 0 to 1h, such "
                             "as 500ms, 10s, 5m, 2h or 1d"},
    {"drain_timeout = 99999999999999999d\n",
     "1: drain_timeout = \"99999999999999999d\", accepted is a duration "
     "from 0 to 1h, such as 500ms, 10s, 5m, 2h or 1d"},
    {"limits { receive_buffer = 64q }\n" UPLINK, "1: receive_buffer = \"64q\", accepted is a size "
                                                 "from 4k to 1023m, such as 65536, 64k, 1m or 1g"},
    {"limits { receive_buffer = 1k }\n" UPLINK, "1: receive_buffer = \"1k\", accepted is a size "
                                                "from 4k to 1023m, such as 65536, 64k, 1m or 1g"},
    {"limits { max_connections = -1 }\n" UPLINK,
     "1: max_connections = \"-1\", accepted is a number from 1 to 16777216"},
    {"limits { max_connections = many }\n" UPLINK,
     "1: max_connections = \"many\", accepted is a number from 1 to 16777216"},
    {"uplink \"hf0\" { mtu = 100 }\n", "1: mtu = \"100\", accepted is a number from 576 to 65521"},
    {"uplink \"hf0\" { addresses = \"2001:db8::1/64\"\nmtu = 1279 }\n" SERVICE,
     "2: mtu = 1279, accepted are 1280 to 65521 with IPv6 addresses"},
    {"uplink \"hf0\" {\n mode = bridge }\n", "2: mode = \"bridge\", accepted is address | port"},
    {"log = syslog\n", "1: log = \"syslog\", accepted is auto | journald | json | text"},
    {"filter { bogons = maybe }\n", "1: bogons = \"maybe\", accepted is accept | log | refuse"},
    {"filter { reverse_path = on }\n",
     "1: reverse_path = \"on\", accepted is off | loose | strict"},
    {"filter { deny_files = { \"deny.list\" } }\n",
     "1: deny_files = \"deny.list\", accepted is a path of at most 107 bytes that begins with /"},
    {"user = \"a b\"\n", "1: user = \"a b\", accepted is a name of at most 31 characters"},
    {"metrics = \"127.0.0.1\"\n",
     "1: metrics = \"127.0.0.1\", accepted is an address and a port such as \"127.0.0.1:9648\", or "
     "\"\" for none"},
    {"\nmetrics = \"192.0.2.1:9648\"\n" UPLINK SERVICE,
     "2: metrics = \"192.0.2.1:9648\", accepted is a loopback address such as \"127.0.0.1:9648\", "
     "as nobody who asks there is asked who he is"},
    {"journal = \"x.journal\"\n" UPLINK SERVICE,
     "1: journal = \"x.journal\", accepted is a path that begins with /, or \"\""},
    {"state_directory = \"state\"\n" UPLINK SERVICE,
     "1: state_directory = \"state\", accepted is a path that begins with /, or \"\""},
    {"control = \"guard.sock\"\n" UPLINK SERVICE,
     "1: control = \"guard.sock\", accepted is a path that begins with /, or \"\""},
    /* modes */
    {"uplink \"eth0\" { mode = port host_address = \"192.0.2.1/24\" }\n" SERVICE,
     "1: uplink \"eth0\" with host_address, accepted is that in mode = address"},
    {"uplink \"eth0\" { mode = port bridge = br0 }\n" SERVICE,
     "1: uplink \"eth0\" with bridge, accepted is that in mode = address"},
    {"uplink \"hf0\" { addresses = \"192.0.2.1/24\" tap = hf1 }\n" SERVICE,
     "1: uplink \"hf0\" with tap, accepted is that in mode = port"},
    {"uplink \"hf0\" { addresses = \"192.0.2.1/24\" when_stopped = drop }\n" SERVICE,
     "1: uplink \"hf0\" with when_stopped = drop, accepted is that in mode = port"},
    {"uplink \"hf0\" { addresses = \"192.0.2.1/24\"\ngateway = auto }\n" SERVICE,
     "2: gateway has auto, accepted is that in mode = port"},
    {"uplink \"eth0\" { mode = port\ngateway = { \"192.0.2.1\", auto } }\n" SERVICE,
     "2: gateway has auto, accepted is auto or addresses"},
    {"uplink \"eth0\" { mode = port tap = eth0 }\n" SERVICE,
     "1: tap \"eth0\" is the uplink's own name, accepted is another"},
    {"uplink \"eth0\" { mode = port tap = interface-name-0 }\n" SERVICE,
     "1: tap \"interface-name-0\", accepted is an interface name of 1 to 15 characters"},
    {PORT_UPLINK "service \"x\" { listen = \"127.0.0.1:80\" }\n",
     "2: listen has 127.0.0.1, accepted is one of the host's own addresses on its network"},
    {UPLINK "service \"x\" { on_timeout = never }\n",
     "2: on_timeout = \"never\", accepted is forget | reset"},
    {UPLINK "service \"x\" { backend \"b\" {\n client_address = original } }\n",
     "3: client_address = \"original\", accepted is none | proxy-v2 | transparent"},
    /* addresses */
    {"uplink \"interface-name-\" { mode = address }\n" SERVICE,
     "1: uplink \"interface-name-\" without addresses, accepted is addresses = { "
     "\"203.0.113.10/24\" }"},
    {"uplink \"interface-name-0\" {}\n" SERVICE,
     "1: uplink \"interface-name-0\", accepted is an interface name of 1 to 15 characters"},
    {"uplink \"\" {}\n", "1: uplink \"\", accepted is a name of 1 to 31 bytes without \" or \\"},
    {UPLINK "service \"a\\\"b\" {}\n", "2: service \"a\"b\", accepted is a name of 1 to 31 bytes "
                                       "without \" or \\"},
    {"uplink \"hf0\" { addresses = { \"203.0.113.10/33\" } }\n",
     "1: addresses = \"203.0.113.10/33\", accepted is an address with its prefix length such as "
     "\"203.0.113.10/24\" or \"2001:db8::10/64\""},
    {"uplink \"hf0\" { addresses = { \"224.0.0.1/24\" } }\n" SERVICE,
     "1: addresses has 224.0.0.1, accepted is an address that a host can have"},
    {"uplink \"hf0\" { addresses = { \"203.0.113.10/24\",\n\"203.0.113.10/24\" } }\n" SERVICE,
     "2: addresses has 203.0.113.10 again, accepted is every address once (it is in line 1)"},
    {"uplink \"hf0\" { addresses = { \"203.0.113.10/24\" }\nhost_address = \"203.0.113.10/24\" "
     "}\n" SERVICE,
     "2: host_address has 203.0.113.10 again, accepted is every address once (it is in line 1)"},
    {"uplink \"hf0\" { addresses = { \"203.0.113.10/24\" }\ngateway = \"192.0.2.1\" }\n" SERVICE,
     "2: gateway has 192.0.2.1, accepted is an address within the networks of addresses"},
    {"uplink \"hf0\" { addresses = { \"203.0.113.10/24\" }\ngateway = \"203.0.113.10\" }\n" SERVICE,
     "2: gateway has our own address 203.0.113.10, accepted is another host's"},
    {"uplink \"hf0\" { addresses = { \"203.0.113.10/24\" }\ngateway = { \"203.0.113.1\", "
     "\"203.0.113.2\" } }\n" SERVICE,
     "2: a second gateway of one family, accepted are one for IPv4 and one for IPv6"},
    {"uplink \"hf0\" { addresses = { \"203.0.113.10/24\" }\nroutes = \"10.0.0.0/8\" }\n" SERVICE,
     "2: routes = \"10.0.0.0/8\", accepted is a prefix and its next hop such as \"10.0.0.0/8 via "
     "203.0.113.2\""},
    {"uplink \"hf0\" { addresses = { \"203.0.113.10/24\" }\nroutes = \"2001:db8:1::/48 via "
     "203.0.113.2\" }\n" SERVICE,
     "2: a route whose prefix and next hop are of two families, accepted is one family"},
    /* services */
    {UPLINK "service \"x\" { }\n",
     "2: service \"x\" without listen, accepted is listen = { \"203.0.113.10:443\" }"},
    {UPLINK "service \"x\" { listen = \"203.0.113.10:0\" }\n",
     "2: listen = \"203.0.113.10:0\", accepted is an address and a port such as "
     "\"203.0.113.10:443\" or "
     "\"[2001:db8::10]:443\""},
    {UPLINK "service \"x\" {\nlisten = \"203.0.113.11:80\" }\n",
     "3: listen has 203.0.113.11, accepted is one of the uplink's addresses"},
    {UPLINK SERVICE "service \"x\" {\nlisten = { \"203.0.113.10:81\",\n \"203.0.113.10:80\" } }\n",
     "5: listen has 203.0.113.10:80 again, accepted is every address and port once (it is in line "
     "2)"},
    {UPLINK SERVICE "service \"x\" { listen = \":80\" }\n",
     "3: listen has [::]:80 again, accepted is every address and port once (it is in line 2)"},
    {UPLINK "service \"x\" { listen = \":80\" }\n",
     "2: service \"x\" without backend, accepted is backend \"NAME\" { to = \"127.0.0.1:8080\" }"},
    {UPLINK "service \"x\" { listen = \":80\"\nbackend \"b\" { } }\n",
     "3: backend \"b\" without to, accepted is to = \"127.0.0.1:8080\""},
    {UPLINK "service \"x\" { listen = \":80\"\nbackend \"b\" { to = \"unix:x.sock\" } }\n",
     "3: to = \"unix:x.sock\", accepted is \"127.0.0.1:8080\", \"[::1]:8080\", "
     "\"db.example:5432\" or \"unix:/run/web.sock\""},
    {BACKEND("to = \"127.0.0.300:80\""),
     "3: to = \"127.0.0.300:80\", accepted is \"127.0.0.1:8080\", \"[::1]:8080\", "
     "\"db.example:5432\" or \"unix:/run/web.sock\""},
    {BACKEND("to = \"db.example\""),
     "3: to = \"db.example\", accepted is \"127.0.0.1:8080\", \"[::1]:8080\", "
     "\"db.example:5432\" or \"unix:/run/web.sock\""},
    {BACKEND("to = \"unix:/x\" client_address = transparent"),
     "3: backend \"b\" with client_address = transparent, accepted is none | proxy-v2: a unix "
     "socket has no addresses"},
    {BACKEND("to = \"127.0.0.1:1\" client_address = transparent\nsource = \"127.0.0.2\""),
     "4: source has 127.0.0.2, accepted is none: client_address = transparent takes the client's"},
    {BACKEND("to = \"127.0.0.1:1\" source = \"::1\""),
     "3: source has ::1, accepted is an address of the family of to"},
    {BACKEND("to = \"192.0.2.7:1\" source = \"224.0.0.1\""),
     "3: source has 224.0.0.1, accepted is an address that a host can have"},
    {UPLINK "service \"x\" { listen = \":80\"\nbackend \"b\" { to = \"203.0.113.10:81\" } }\n",
     "3: backend \"b\" is the guard's own address 203.0.113.10, accepted is a server's"},
    {BACKEND("to = \"192.0.2.7:1\" client_address = transparent"),
     "3: backend \"b\" with client_address = transparent to 192.0.2.7, accepted is that to a "
     "server "
     "on 127.0.0.0/8 or ::1; none | proxy-v2 to others"},
    {UPLINK "service \"x\" { listen = \":80\" require_key = yes\nbackend \"b\" { to = "
            "\"127.0.0.1:1\" } }\n",
     "2: service \"x\" with require_key = yes and without key_file, accepted are both: nobody "
     "could "
     "connect"},
    {UPLINK "service \"x\" { backend \"b\" { to = \"127.0.0.1:1\" }\nbackend \"b\" { to = "
            "\"127.0.0.1:2\" } }\n",
     "3: a second \"b\", accepted is every name once"},
    {"limits { max_connections = 5 }\n" UPLINK
     "service \"x\" { listen = \":80\" max_connections = 6 }\n",
     "3: service \"x\" with max_connections = 6, accepted are at most the 5 of limits"},
};

static void every_bad_file_is_told_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char error[CONFIG_ERROR_MAX], expected[CONFIG_ERROR_MAX];

        write_file(bad[i].text, strlen(bad[i].text));
        assert_null(config_read(file, error));
        snprintf(expected, sizeof expected, "%s:%s", file, bad[i].message);
        assert_string_equal(error, expected);
        assert_null(strchr(error, '\n'));
    }
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    static const char *const paths[][2] = {
        {"/nonexistent/guard.conf", "/nonexistent/guard.conf: No such file or directory, accepted "
                                    "is a text file of at most 1048576 bytes"},
        {"/", "/: a directory, accepted is a text file of at most 1048576 bytes"},
        {"/dev/null",
         "/dev/null: not a regular file, accepted is a text file of at most 1048576 bytes"},
    };
    char error[CONFIG_ERROR_MAX], expected[CONFIG_ERROR_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_null(config_read(paths[i][0], error));
        assert_string_equal(error, paths[i][1]);
    }
    assert_int_equal(truncate(file, CONFIG_FILE_MAX + 1), 0);
    assert_null(config_read(file, error));
    snprintf(expected, sizeof expected,
             "%s: too large, accepted is a text file of at most 1048576 bytes", file);
    assert_string_equal(error, expected);

    write_file("control = \"a\0b\"\n",
               16); /* the string ends at the NUL for whoever reads it as text */
    assert_null(config_read(file, error));
    write_file(UPLINK "\0" SERVICE, sizeof UPLINK "\0" SERVICE - 1);
    assert_null(config_read(file, error));
    snprintf(expected, sizeof expected, "%s:2: a byte 0x00, accepted is text in UTF-8", file);
    assert_string_equal(error, expected);
}

/* Any prefix and any one changed byte of a file is read or refused with one line, never worse. */
static void cut_and_damaged_files_are_refused_in_one_line(void **state)
{
    static const char text[] = "# c\n" UPLINK "/* x\n */ limits { send_buffer = 1m }\n" SERVICE;
    static const char bytes[] = {'{', '}', '"', '=', '\\', '#', '\n', '*', '\'', (char)0x80};
    char error[CONFIG_ERROR_MAX], changed[sizeof text];

    (void)state;
    for (size_t length = 0; length < sizeof text; length++) {
        write_file(text, length);
        error[0] = '\0';
        struct config *config = config_read(file, error);
        assert_true(config != NULL || (error[0] != '\0' && strchr(error, '\n') == NULL));
        config_free(config);
    }
    for (size_t at = 0; at + 1 < sizeof text; at++) {
        memcpy(changed, text, sizeof text);
        changed[at] = bytes[at % sizeof bytes];
        write_file(changed, sizeof text - 1);
        error[0] = '\0';
        struct config *config = config_read(file, error);
        assert_true(config != NULL || (error[0] != '\0' && strstr(error, ", accepted ") != NULL));
        config_free(config);
    }
}

static const char full[] =
    "control = \"/run/hf/\\\"q\\\\.sock\" // comment\n"
    "drain_timeout = 0\r\n"
    "uplink \"hf7\" {\n"
    "  mode = address  mtu = 9000\n"
    "  addresses = { \"203.0.113.10/24\", '2001:db8::10/64' }\n"
    "  host_address = \"203.0.113.1/24\"\n"
    "  gateway = { \"203.0.113.1\", \"2001:db8::1\" }\n"
    "  routes =\n    { \"10.0.0.0/8 via 203.0.113.2\" }\n"
    "}\n"
    "limits { max_connections = 77  receive_buffer = 65537  send_buffer = 2m }\n"
    "service \"web\" {\n"
    "  listen = { \"203.0.113.10:443\", \"[2001:db8::10]:443\" }\n"
    "  backend \"nginx\" { to = \"[::1]:8080\"  client_address = proxy-v2 }\n"
    "  half_open_limit = 9  half_open_timeout = 1500ms  on_timeout = reset\n"
    "  syn_ack_retries = 0  connect_timeout = 90s  idle_timeout = 36h  backlog = 3\n"
    "}\n"
    "service \"x\" { listen = \":22\" backend \"b\" { to = \"unix:/run/x.sock\" } }\n"
    "metrics = \"127.0.0.1:9648\" log = json user = \"nobody\" cookie_key_file = \"/etc/key\"\n"
    "filter { deny_files = { \"/etc/a\", \"/etc/b\" } bogons = log reverse_path = strict "
    "rules = \"/etc/r\" egress = { \"127.0.0.1:25\", \"[2001:db8::7]:25\" } inside = "
    "\"10.0.0.0/8\" }\n"
    "service \"several\" {\n"
    "  listen = \"203.0.113.10:25\" allow = { \"198.51.100.0/24\", \"2001:db8:5::/48\" }\n"
    "  backend \"here\" { to = \"127.0.0.1:25\" }\n"
    "  backend \"there\" { to = \"192.0.2.7:25\" source = { \"192.0.2.8\", \"192.0.2.9\" } }\n"
    "  backend \"named\" { to = \"localhost:25\" client_address = none }\n"
    "  total_timeout = 1h max_per_prefix = 7 check_interval = 0 check_fall = 5 connect_retries = "
    "0\n"
    "}\n";

static void a_full_file_means_what_it_says(void **state)
{
    struct config *config = read_text(full);

    (void)state;
    assert_non_null(config);
    assert_string_equal(config->control, "/run/hf/\"q\\.sock");
    assert_int_equal(config->drain_timeout_ms, 0);
    assert_int_equal(config->uplink.mtu, 9000);
    assert_int_equal(config->uplink.addresses.count, 2);
    assert_int_equal(config->uplink.addresses.items[1].prefix.length, 64);
    assert_int_equal(config->limits.max_connections, 77);
    assert_int_equal(config->limits.receive_buffer, 65537);
    assert_int_equal(config->limits.send_buffer, 2 << 20);
    assert_int_equal(config->services, 3);
    assert_int_equal(config->service[0].half_open_timeout_ms, 1500);
    assert_int_equal(config->service[0].on_timeout, CONFIG_RESET);
    assert_int_equal(config->service[0].syn_ack_retries, 0);
    assert_int_equal(config->service[0].idle_timeout_ms, 36 * 3600 * 1000);
    assert_int_equal(config->service[0].backend[0].client_address, CONFIG_CLIENT_PROXY_V2);
    assert_int_equal(config->service[0].backend[0].to.endpoint.port, 8080);
    assert_int_equal(config->service[1].max_connections, 77);
    assert_string_equal(config->service[1].backend[0].to.path, "/run/x.sock");
    assert_int_equal(config->service[1].listen.items[0].endpoint.port, 22);
    config_free(config);
}

static void the_keys_of_a_daemon_mean_what_they_say(void **state)
{
    struct config *config = read_text(full);
    const struct config_service *service;

    (void)state;
    assert_non_null(config);
    service = &config->service[2];
    assert_int_equal(config->metrics.port, 9648);
    assert_int_equal(config->log, CONFIG_LOG_JSON);
    assert_string_equal(config->user, "nobody");
    assert_string_equal(config->cookie_key_file, "/etc/key");
    assert_string_equal(config->state_directory, "/var/lib/handfast");
    assert_int_equal(config->filter.deny_files, 2);
    assert_string_equal(config->filter.deny_file[1], "/etc/b");
    assert_int_equal(config->filter.bogons, CONFIG_BOGONS_LOG);
    assert_int_equal(config->filter.reverse_path, CONFIG_REVERSE_PATH_STRICT);
    assert_int_equal(config->filter.egress.count, 2);
    assert_string_equal(config->filter.rules, "/etc/r");
    assert_int_equal(service->allow.count, 2);
    assert_int_equal(service->allow.items[1].prefix.length, 48);
    assert_int_equal(service->backends, 3);
    assert_string_equal(service->backend[2].name, "named");
    assert_int_equal(service->backend[0].client_address, CONFIG_CLIENT_TRANSPARENT);
    assert_int_equal(service->backend[1].client_address, CONFIG_CLIENT_NONE);
    assert_int_equal(service->backend[1].source.count, 2);
    assert_int_equal(service->backend[2].client_address, CONFIG_CLIENT_NONE);
    assert_true(config_target_is_local(&service->backend[2].to)); /* /etc/hosts says so */
    assert_int_equal(service->backend[2].to.endpoint.port, 25);
    assert_int_equal(service->total_timeout_ms, 3600 * 1000);
    assert_int_equal(service->max_per_prefix, 7);
    assert_int_equal(service->check_interval_ms, 0);
    assert_int_equal(service->check_timeout_ms, 1000);
    assert_int_equal(service->check_fall, 5);
    assert_int_equal(service->check_rise, 2);
    assert_int_equal(service->connect_retries, 0);
    assert_int_equal(config->service[0].connect_retries, 1);
    config_free(config);
}

/* Who asks for more connections for a service than all have by default need not say it twice. */
static void limits_make_room_for_a_service(void **state)
{
    struct config *config =
        read_text(UPLINK "service \"x\" { listen = \":80\" max_connections = 20000"
                         "\nbackend \"b\" { to = \"127.0.0.1:1\" } }\n"
                         "service \"y\" { listen = \":81\"\n"
                         "backend \"b\" { to = \"127.0.0.1:1\" } }\n");

    (void)state;
    assert_non_null(config);
    assert_int_equal(config->limits.max_connections, 20000);
    assert_int_equal(config->service[0].max_connections, 20000);
    assert_int_equal(config->service[1].max_connections, 20000);
    config_free(config);
}

/* What some editors write before the first line; lines are counted as before. */
static void a_mark_of_utf8_is_passed_over(void **state)
{
    struct config *config = read_text("\xef\xbb\xbf" UPLINK SERVICE);
    char error[CONFIG_ERROR_MAX], expected[CONFIG_ERROR_MAX];

    (void)state;
    assert_non_null(config);
    config_free(config);
    write_file("\xef\xbb\xbf\nfrog = 1\n", 13);
    assert_null(config_read(file, error));
    snprintf(expected, sizeof expected, "%s:2: \"frog\" is no key here, accepted are " KEYS, file);
    assert_string_equal(error, expected);
}

/* The defaults of port mode: the kernel's gateway, a TAP named after the interface, the services' addresses. */
static void port_mode_needs_no_addresses(void **state)
{
    struct config *config = read_text("uplink \"enp1234567890\" { }\n" /* the default */
                                      "service \"web\" { listen = { \"203.0.113.10:80\", "
                                      "\"203.0.113.10:443\", \"[2001:db8::10]:80\" }\n"
                                      "backend \"b\" { to = \"127.0.0.1:80\" } }\n"
                                      "service \"any\" { listen = \":22\"\n"
                                      "backend \"b\" { to = \"203.0.113.10:22\" } }\n");
    struct hf_config stack;

    (void)state;
    assert_non_null(config);
    assert_int_equal(config->uplink.mode, CONFIG_MODE_PORT);
    assert_string_equal(config->uplink.tap, "hf-enp123456789");
    assert_int_equal(config->uplink.gateway.count, 1);
    assert_int_equal(config->uplink.when_stopped, CONFIG_STOPPED_PASS);
    config_stack(config, &stack);
    assert_int_equal(stack.addresses[0].length, 32);
    assert_int_equal(stack.addresses[1].length, 128);
    assert_int_equal(stack.addresses[2].length, 0);
    assert_int_equal(stack.routes[0].to.length, 0);
    assert_false(hf_address_is_v4(&stack.routes[0].to.address)); /* unused: the uplink learns it */
    config_free(config);
}

/* A name without an address is refused with the name, within the time that all names have together. */
static void a_name_that_means_nothing_is_named(void **state)
{
    char error[CONFIG_ERROR_MAX];

    (void)state;
    write_file(BACKEND("to = \"no-such-host.invalid:1\""),
               sizeof BACKEND("to = \"no-such-host.invalid:1\"") - 1);
    assert_null(config_read(file, error));
    assert_non_null(strstr(error, ":3: backend \"b\" to \"no-such-host.invalid:1\": "));
    assert_non_null(strstr(error, ", accepted is a name that has an address, or an address"));
}

static char *dump(const struct config *config)
{
    char *text = NULL;
    size_t length;
    FILE *stream = open_memstream(&text, &length);

    assert_non_null(stream);
    config_dump(config, stream);
    fclose(stream);
    return text;
}

static void a_dump_reads_back_to_the_same(void **state)
{
    static const char *const texts[] = {full, UPLINK SERVICE};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config *config = read_text(texts[i]);
        assert_non_null(config);
        char *first = dump(config);
        config_free(config);

        config = read_text(first);
        assert_non_null(config);
        char *second = dump(config);
        config_free(config);

        assert_string_equal(first, second);
        assert_non_null(strstr(first, "idle_timeout = "));
        free(first);
        free(second);
    }
}

static void the_example_is_right(void **state)
{
    char error[CONFIG_ERROR_MAX];
    struct config *config = config_read(HF_SOURCE_DIR "/examples/guard.conf", error);

    (void)state;
    assert_non_null(config);
    config_free(config);
}

/* Those that come with the package, one for each common case. */
static void every_example_is_right(void **state)
{
    static const char *const cases[] = {
        "web",    "ssh",  "mail",     "several-backends", "port-mode", "address-mode",
        "bridge", "ipv6", "proxy-v2", "unix-socket",      "observe",
    };
    char path[256], error[CONFIG_ERROR_MAX];
    glob_t found;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(path, sizeof path, HF_SOURCE_DIR "/packaging/examples/%s.conf", cases[i]);
        assert_int_equal(access(path, R_OK), 0);
    }
    assert_int_equal(glob(HF_SOURCE_DIR "/packaging/examples/*.conf", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct config *config = config_read(found.gl_pathv[i], error);

        if (config == NULL)
            fail_msg("%s", error);
        char *first = dump(config);
        config_free(config);
        config = read_text(first);
        assert_non_null(config);
        char *second = dump(config);
        assert_string_equal(first, second);
        config_free(config);
        free(first);
        free(second);
    }
    globfree(&found);
}

/* docs/configuration.md has a row for each key, with its default and whether a reload is enough. */
static void the_reference_knows_every_key(void **state)
{
    FILE *stream = fopen(HF_SOURCE_DIR "/docs/configuration.md", "r");
    char *text = calloc(1, 1 << 16), row[256];

    (void)state;
    assert_non_null(stream);
    assert_true(fread(text, 1, (1 << 16) - 1, stream) > 0);
    fclose(stream);
    for (unsigned id = 0; id < CONFIG_SECTIONS; id++) {
        char heading[64];
        const char *section = text;

        snprintf(heading, sizeof heading, "\n## %s", config_sections[id].name);
        if (id != CONFIG_ROOT)
            section = strstr(text, heading);
        assert_non_null(section);
        for (const struct config_key *key = config_sections[id].keys; key->name != NULL; key++) {
            bool quoted =
                key->kind == CONFIG_TEXT || key->kind == CONFIG_NAME || key->kind == CONFIG_SOCKET;
            const char *found, *end;

            snprintf(row, sizeof row, "\n| `%s` | ", key->name);
            found = strstr(section, row);
            if (found == NULL)
                fail_msg("%s is not in its section", key->name);
            end = strchr(found + 1, '\n');
            if (key->initial != NULL) {
                snprintf(row, sizeof row, "| `%s` | `%s%s%s` | ", key->name, quoted ? "\"" : "",
                         key->initial, quoted ? "\"" : "");
                if (strncmp(found + 1, row, strlen(row)) != 0)
                    fail_msg("the default of %s is %s", key->name, key->initial);
            }
            found = strstr(found, key->change == CONFIG_RELOAD ? " | reload | " : " | restart | ");
            if (found == NULL || found > end)
                fail_msg("what %s needs is not said", key->name);
        }
    }
    free(text);
}

static void the_stack_has_room_for_what_the_services_promise(void **state)
{
    struct config *config = read_text(full);
    struct hf_config stack;

    (void)state;
    assert_non_null(config);
    config_stack(config, &stack);
    assert_null(hf_config_error(&stack));
    assert_true(stack.max_listeners >= 4);
    assert_int_equal(stack.max_half_opens, 2 * 9 + 2 * 4096);
    assert_true(stack.max_connections >= 77 + 2 * 3 + 2 * 512);
    assert_int_equal(stack.routes[0].to.length, 0);
    assert_true(hf_address_is_v4(&stack.routes[0].to.address));
    assert_false(hf_address_is_v4(&stack.routes[1].to.address));
    assert_int_equal(stack.routes[2].to.length, 8);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bad_file_is_told_what_is_wrong),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(cut_and_damaged_files_are_refused_in_one_line),
        cmocka_unit_test(a_full_file_means_what_it_says),
        cmocka_unit_test(the_keys_of_a_daemon_mean_what_they_say),
        cmocka_unit_test(limits_make_room_for_a_service),
        cmocka_unit_test(a_mark_of_utf8_is_passed_over),
        cmocka_unit_test(port_mode_needs_no_addresses),
        cmocka_unit_test(a_name_that_means_nothing_is_named),
        cmocka_unit_test(a_dump_reads_back_to_the_same),
        cmocka_unit_test(the_example_is_right),
        cmocka_unit_test(every_example_is_right),
        cmocka_unit_test(the_reference_knows_every_key),
        cmocka_unit_test(the_stack_has_room_for_what_the_services_promise),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
