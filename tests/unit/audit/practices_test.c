/* Each practice on a host made of a directory and canned answers: what it finds, and what it says mends it. */
#include "audit/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "audit/nft.h"
#include "wire/flow.h"

static char root[] = "/tmp/audit_test_XXXXXX";
static struct audit_world world;
static const char *apt, *nft, *dpkg, *owners,
    *journal; /* what they print; NULL: they are not there */
static int journal_code;
static unsigned asked; /* how often nft was */

static int answer(void *context, const char *const argv[], char **output)
{
    const char *text = NULL;

    (void)context;
    if (strcmp(argv[0], "apt-get") == 0)
        text = apt;
    else if (strcmp(argv[0], "nft") == 0 && ++asked > 0)
        text = nft;
    else if (strcmp(argv[0], "dpkg") == 0)
        text = strcmp(argv[1], "-S") == 0 ? owners : dpkg;
    else if (strcmp(argv[0], "/proc/self/exe") == 0)
        text = journal;
    *output = text ? strdup(text) : NULL;
    return !text ? -1 : text == journal ? journal_code : 0;
}

static void put(const char *path, const char *text)
{
    char whole[AUDIT_PATH_MAX];

    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(whole, 0700);
        *at = '/';
    }
    FILE *file = fopen(whole, "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct listener *listens(uint16_t port, bool open, const char *process)
{
    struct listener *listener = listeners_add(&world.listeners);

    assert_non_null(listener);
    listener->local.port = port;
    if (!open)
        listener->local.address = address_v4(0x7f000001);
    if (process) {
        listener->pid = 812;
        snprintf(listener->process, sizeof listener->process, "%s", process);
        snprintf(listener->unit, sizeof listener->unit, "%s.service", process);
    }
    return listener;
}

static int set_up(void **state)
{
    (void)state;
    memcpy(root + sizeof root - 7, "XXXXXX", 7);
    if (!mkdtemp(root))
        return -1;
    world = (struct audit_world){
        .root = root, .is_root = true, .now_s = INT64_C(1795000000), .run = answer};
    apt = nft = dpkg = owners = journal = NULL;
    asked = 0;
    return 0;
}

static int tear_down(void **state)
{
    const char *const remove[] = {"rm", "-rf", root, NULL};
    char *output;
    struct audit_world host = {.root = ""};

    (void)state;
    listeners_free(&world.listeners);
    audit_run(&host, remove, &output);
    free(output);
    return 0;
}

static struct audit_row row;

static void practice(int number)
{
    row = (struct audit_row){.practice = number};
    audit_practice(&world, &row);
}

static void expect(enum audit_status status, const char *finding, const char *fix)
{
    assert_string_equal(audit_status_text(row.status), audit_status_text(status));
    if (!strstr(row.finding, finding))
        fail_msg("\"%s\" is not in \"%s\"", finding, row.finding);
    assert_string_equal(row.fix, fix);
}

static void test_updates(void **state)
{
    struct utsname running;
    char kernel[300];

    (void)state;
    practice(11);
    expect(AUDIT_UNSEEN, "apt-get does not answer", "");
    apt = "Reading...\nInst libssl3 [3.0.1] (3.0.2 Debian-Security:12/stable-security [amd64])\n"
          "Inst vim [1] (2 Debian:12.5/stable [amd64])\nConf libssl3\n";
    practice(11);
    expect(AUDIT_FAIL, "1 security updates wait, libssl3 first; 1 other updates wait",
           "apt-get update && apt-get dist-upgrade");
    apt = "nothing\n";
    uname(&running);
    snprintf(kernel, sizeof kernel, "/boot/vmlinuz-%s", running.release);
    put(kernel, "");
    practice(11);
    expect(AUDIT_PASS, "is the newest installed", "");
    put("/boot/vmlinuz-999.0-1-amd64", "");
    practice(11);
    expect(AUDIT_FAIL, "999.0-1-amd64 is installed", "systemctl reboot");
    apt = "Inst libssl3 [3.0.1] (3.0.2 Debian-Security:12/stable-security [amd64])\n";
    practice(11); /* each finding has its command */
    expect(AUDIT_FAIL, "1 security", "apt-get update && apt-get dist-upgrade; systemctl reboot");
}

static void test_services(void **state)
{
    (void)state;
    practice(12);
    expect(AUDIT_PASS, "0 sockets are open to others", "");
    listens(22, true, "sshd");
    listens(3306, false, "mysqld");
    practice(12);
    expect(AUDIT_WARN, "tcp *:22 sshd[812] is not declared",
           "systemctl disable --now sshd.service");
    world.declared[world.declared_count++] = 22;
    practice(12);
    expect(AUDIT_PASS, "1 sockets are open to others, 1 only to this host", "");
    listens(23, true, NULL);
    practice(12);
    expect(AUDIT_FAIL, "tcp *:23 is telnet", "ss -lnp 'sport = :23'");
    listens(5900, true, "vnc");
    practice(12);
    expect(AUDIT_FAIL, "tcp *:5900 vnc[812] is not declared",
           "ss -lnp 'sport = :23'; systemctl disable --now vnc.service");
}

static void test_sharing(void **state)
{
    (void)state;
    listens(445, false, "smbd");
    practice(22);
    expect(AUDIT_PASS, "nothing that shares files", "");
    listens(2049, true, "nfsd");
    practice(22);
    expect(AUDIT_FAIL, "shares files (NFS)", "systemctl disable --now nfsd.service");
    world.declared[world.declared_count++] = 2049;
    practice(22);
    expect(AUDIT_WARN, "as declared", "");
}

static void test_ports(void **state)
{
    (void)state;
    listens(80, true, "nginx");
    listens(8080, true, NULL);
    practice(20);
    expect(AUDIT_WARN, "tcp *:8080 belongs to no process", "handfast audit ports --scan");
    assert_non_null(strstr(row.finding, "1 privileged and 1 other ports"));
    world.is_root = false;
    practice(20);
    expect(AUDIT_UNSEEN, "takes root to see", "sudo handfast audit");
}

static void test_half_opens(void **state)
{
    (void)state;
    practice(13);
    expect(AUDIT_UNSEEN, "cannot be read", "");
    put("/proc/sys/net/ipv4/tcp_max_syn_backlog", "64\n");
    put("/proc/sys/net/ipv4/tcp_synack_retries", "5\n");
    practice(13);
    expect(AUDIT_WARN, "is 64", "sysctl -w net.ipv4.tcp_max_syn_backlog=4096");
    put("/proc/sys/net/ipv4/tcp_max_syn_backlog", "4096\n");
    world.guard_here = true;
    practice(13);
    expect(AUDIT_PASS, "a guard limits half-opens", "");
    practice(14);
    expect(AUDIT_WARN, "lives for 63 s", "sysctl -w net.ipv4.tcp_synack_retries=2");
    put("/proc/sys/net/ipv4/tcp_synack_retries", "2\n");
    practice(14);
    expect(AUDIT_PASS, "lives for 7 s", "");
}

#define CHAIN(hook, policy)                                                 \
    "{\"chain\":{\"family\":\"inet\",\"table\":\"filter\",\"name\":\"" hook \
    "\",\"type\":\"filter\",\"hook\":\"" hook "\",\"policy\":\"" policy "\"}}"
#define RULE(chain, handle, statements)                                      \
    "{\"rule\":{\"family\":\"inet\",\"table\":\"filter\",\"chain\":\"" chain \
    "\",\"handle\":" handle ",\"expr\":[" statements "]}}"
#define RULE_HEAD(handle)                                                      \
    "{\"rule\":{\"family\":\"inet\",\"table\":\"filter\",\"chain\":\"input\"," \
    "\"handle\":" handle ",\"expr\":["
#define RULE_TAIL "]}}"
#define PORT(number)                                                                               \
    "{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"tcp\",\"field\":\"dport\"}}," \
    "\"right\":" number "}}"
#define FROM                                                                                      \
    "{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"ip\",\"field\":\"saddr\"}}," \
    "\"right\":\"192.0.2.1\"}}"
#define ACCEPT "{\"accept\":null}"
#define DROP "{\"drop\":null}"
#define WHOLE(...) "{\"nftables\":[" __VA_ARGS__ "]}"

static void test_firewall(void **state)
{
    (void)state;
    practice(15);
    expect(AUDIT_UNSEEN, "nft does not answer", "apt-get install nftables");
    world.is_root = false;
    practice(15);
    expect(AUDIT_UNSEEN, "takes root", "sudo handfast audit");
    world.is_root = true;
    nft = WHOLE("");
    listens(22, true, "sshd");
    listens(3306, false, "mysqld");
    practice(15);
    expect(AUDIT_FAIL, "no firewall",
           "nft '" NFT_MAKE_CLOSING "add rule " NFT_CLOSING " ct state established,related accept; "
           "add rule " NFT_CLOSING " iif lo accept; add rule " NFT_CLOSING
           " meta l4proto { icmp, ipv6-icmp } accept; add rule " NFT_CLOSING
           " tcp dport { 22 } accept; add chain " NFT_CLOSING " { policy drop; }'");
    nft = WHOLE(CHAIN("input", "accept"));
    practice(15);
    assert_int_equal(row.status, AUDIT_WARN);
    assert_non_null(strstr(row.finding, "a firewall without a rule"));
    practice(16);
    assert_int_equal(row.status, AUDIT_WARN);
    practice(19);
    assert_int_equal(row.status, AUDIT_WARN);

    nft = WHOLE(CHAIN("input", "drop") "," RULE("input", "4", PORT("22") "," ACCEPT));
    practice(15);
    expect(AUDIT_PASS, "1 rules, 0 never reached", "");
    practice(16);
    expect(AUDIT_PASS, "what no rule accepts is dropped", "");
    practice(17);
    assert_int_equal(row.status, AUDIT_WARN);

    nft = WHOLE(CHAIN("input", "accept") "," RULE("input", "4", PORT("22") "," ACCEPT) "," RULE(
        "input", "5", FROM "," PORT("22") "," DROP));
    practice(15);
    expect(AUDIT_WARN, "inet filter input handle 5", "nft delete rule inet filter input handle 5");
    practice(16);
    assert_int_equal(row.status, AUDIT_WARN);
    assert_non_null(strstr(row.fix, "; add chain inet filter input { policy drop; }'"));
    practice(17);
    expect(AUDIT_PASS, "names source addresses", "");

    nft = WHOLE(CHAIN("input", "drop") "," RULE("input", "4", ACCEPT) "," CHAIN("output", "drop"));
    practice(15);
    expect(AUDIT_FAIL, "accepts everything", "nft delete rule inet filter input handle 4");
    practice(16);
    assert_int_equal(row.status, AUDIT_WARN); /* the policy is never reached */
    practice(19);
    expect(AUDIT_PASS, "refuses some", "");
    nft = "no JSON";
    practice(15);
    assert_int_equal(row.status, AUDIT_UNSEEN);
}

#define PORTS(of) PORT("{\"set\":[" of "]}")
#define NET(address, length)                                                                      \
    "{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"ip\",\"field\":\"saddr\"}}," \
    "\"right\":{\"prefix\":{\"addr\":\"" address "\",\"len\":" length "}}}}"
#define STATE(words) \
    "{\"match\":{\"op\":\"in\",\"left\":{\"ct\":{\"key\":\"state\"}},\"right\":[" words "]}}"
#define LIMIT "{\"limit\":{\"rate\":10,\"per\":\"second\"}}"
#define EACH_LIMIT                                                                                 \
    "{\"set\":{\"op\":\"update\",\"elem\":{\"payload\":{\"protocol\":\"ip\",\"field\":\"saddr\"}}" \
    ","                                                                                            \
    "\"set\":\"@s\",\"stmt\":[{\"limit\":{\"rate\":200,\"per\":\"second\",\"inv\":true}}]}}"

/* Two rules: whether the second is never reached. */
static void test_shadows(void **state)
{
    static const struct {
        const char *name, *first, *second;
        bool shadowed;
    } rows[] = {
        {"a port of a set", PORTS("22,80") "," ACCEPT, PORT("22") "," DROP, true},
        {"a port beside the set", PORTS("22,80") "," ACCEPT, PORT("23") "," DROP, false},
        {"a set within a range", PORT("{\"range\":[1,1023]}") "," ACCEPT,
         PORTS("22,{\"range\":[80,90]}") "," DROP, true},
        {"a set partly within", PORT("{\"range\":[1,1023]}") "," ACCEPT, PORTS("22,8080") "," DROP,
         false},
        {"a range around", PORT("22") "," ACCEPT, PORT("{\"range\":[20,30]}") "," DROP, false},
        {"an address of a network", NET("192.0.2.0", "24") "," ACCEPT, FROM "," DROP, true},
        {"a network in a network", NET("10.0.0.0", "8") "," DROP, NET("10.1.0.0", "16") "," ACCEPT,
         true},
        {"a wider network", NET("10.1.0.0", "16") "," DROP, NET("10.0.0.0", "8") "," ACCEPT, false},
        {"one more condition", PORT("22") "," DROP, FROM "," PORT("22") "," ACCEPT, true},
        {"one condition less", FROM "," PORT("22") "," DROP, PORT("22") "," ACCEPT, false},
        {"a state of two", STATE("\"established\",\"related\"") "," ACCEPT,
         STATE("\"established\"") "," ACCEPT, true},
        {"behind a rate", PORT("22") "," LIMIT "," ACCEPT, PORT("22") "," DROP, false},
        {"behind a rate of each", EACH_LIMIT "," DROP, PORT("22") "," ACCEPT, false},
        {"behind words of iptables", "{\"xt\":{\"type\":\"match\",\"name\":\"recent\"}}," ACCEPT,
         PORT("22") "," DROP, false},
        {"behind a counter", "{\"counter\":{\"packets\":1,\"bytes\":2}}," DROP,
         PORT("22") "," ACCEPT, true},
    };
    char text[4096];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct nft_facts facts;

        snprintf(text, sizeof text, WHOLE(CHAIN("input", "drop") ",%s%s%s,%s%s%s"), RULE_HEAD("4"),
                 rows[i].first, RULE_TAIL, RULE_HEAD("5"), rows[i].second, RULE_TAIL);
        assert_true(nft_parse(&facts, text));
        if (facts.shadowed != rows[i].shadowed)
            fail_msg("%s: %u rules are never reached", rows[i].name, facts.shadowed);
        assert_int_equal(facts.wide, 0);
    }
}

#define PLAIN(name) "{\"chain\":{\"family\":\"inet\",\"table\":\"filter\",\"name\":\"" name "\"}}"
#define JUMP(target) "{\"jump\":{\"target\":\"" target "\"}}"
#define TO_MAP(target)                                                                       \
    "{\"vmap\":{\"key\":{\"meta\":{\"key\":\"l4proto\"}},\"data\":{\"set\":[[\"tcp\"," JUMP( \
        target) "]]}}}"

/* A list is what somebody wrote, not what packets left. */
static void test_lists(void **state)
{
    (void)state;
    nft =
        WHOLE(CHAIN("input", "drop") ",{\"set\":{\"name\":\"s\",\"type\":\"ipv4_addr\",\"flags\":["
                                     "\"dynamic\",\"timeout\"]}}");
    practice(17);
    assert_int_equal(row.status, AUDIT_WARN);
    nft =
        WHOLE(CHAIN("input", "drop") ",{\"set\":{\"name\":\"s\",\"type\":\"ipv4_addr\",\"flags\":["
                                     "\"interval\"]}}");
    practice(17);
    expect(AUDIT_PASS, "names source addresses", "");
}

/* What goes out may be refused where it was sent by jumps. */
static void test_jumps(void **state)
{
    (void)state;
    nft = WHOLE(CHAIN("output", "accept") "," PLAIN("a") "," PLAIN("b") "," RULE(
        "b", "3", PORT("25") "," DROP) "," RULE("a", "4", TO_MAP("b")) "," RULE("output", "5",
                                                                                JUMP("a")));
    practice(19);
    expect(AUDIT_PASS, "refuses some of what goes out", "");
    nft = WHOLE(CHAIN("input", "accept") "," CHAIN("output", "accept") "," PLAIN("a") "," RULE(
        "a", "3", PORT("25") "," DROP) "," RULE("input", "5", JUMP("a")));
    practice(19);
    assert_int_equal(row.status, AUDIT_WARN);
}

/* nft is asked once for all twelve. */
static void test_asked_once(void **state)
{
    struct nft_facts facts;

    (void)state;
    nft = WHOLE(CHAIN("input", "drop"));
    nft_read(&world, &facts);
    world.nft = &facts;
    for (int number = AUDIT_FIRST; number <= AUDIT_LAST; number++)
        practice(number);
    assert_int_equal(asked, 1);
    practice(16);
    expect(AUDIT_PASS, "is dropped", "");
}

static void test_anti_ddos(void **state)
{
    (void)state;
    put("/proc/sys/net/ipv4/tcp_syncookies", "0\n");
    put("/proc/sys/net/ipv4/conf/all/rp_filter", "0\n");
    put("/proc/sys/net/ipv4/conf/default/rp_filter", "0\n");
    nft = WHOLE(CHAIN("input", "accept"));
    practice(18);
    assert_int_equal(row.status, AUDIT_FAIL);
    assert_non_null(strstr(row.finding, "SYN cookies are off"));
    assert_non_null(strstr(row.finding, "forged sources come in"));
    assert_ptr_equal(strstr(row.fix, "sysctl -w net.ipv4.tcp_syncookies=1; nft '"), row.fix);
    assert_non_null(strstr(row.fix, "'; sysctl -w net.ipv4.conf.all.rp_filter=2"));
    put("/proc/sys/net/ipv4/tcp_syncookies", "1\n");
    put("/proc/sys/net/ipv4/conf/all/rp_filter", "1\n");
    nft = WHOLE(CHAIN("input", "accept") "," RULE("input", "9", "{\"synproxy\":null}"));
    practice(18);
    expect(AUDIT_PASS, "synproxy", "");
    nft = WHOLE(CHAIN("input", "accept") "," RULE("input", "9", EACH_LIMIT "," DROP));
    practice(18);
    expect(AUDIT_PASS, "the firewall limits rates", "");
    practice(16); /* which is no answer to what no rule names */
    assert_int_equal(row.status, AUDIT_WARN);
    world.guard_here = true;
    world.guard_config = "/etc/handfast/guard.conf";
    practice(18);
    expect(AUDIT_WARN, "no service limits the connections of one prefix",
           "sed -i 's/^ *service *\"[^\"]*\" *{/& max_per_prefix = 200 /' "
           "/etc/handfast/guard.conf && handfast reload");
    world.guard_limits = true;
    practice(18);
    expect(AUDIT_PASS, "a guard answers floods and limits prefixes", "");
    world.guard_here = false;
    world.guard_silent = true;
    practice(18);
    expect(AUDIT_WARN, "a guard is configured, and none is running",
           "systemctl start handfast-guard");
}

static void test_logs(void **state)
{
    (void)state;
    dpkg = "??5??????   /usr/bin/ssh\n??5?????? c /etc/ssh/sshd_config\nmissing     "
           "/usr/share/doc/x\n";
    practice(21);
    assert_int_equal(row.status, AUDIT_FAIL);
    assert_non_null(strstr(row.finding, "/usr/bin/ssh is not what its package installed"));
    assert_null(strstr(row.finding, "sshd_config"));
    assert_non_null(strstr(row.fix, "dpkg --verify"));
    owners = "openssh-client:amd64: /usr/bin/ssh\n";
    practice(21);
    assert_non_null(strstr(row.fix, "apt-get install --reinstall openssh-client"));
    dpkg = "";
    put("/var/log/syslog",
        "Nov 13 10:00:00 host a\nNov 13 10:00:01 host b\nNov 13 09:00:00 host c\n");
    practice(21);
    assert_int_equal(row.status, AUDIT_FAIL);
    assert_non_null(strstr(row.finding, "/var/log/syslog:3: its clock went back by 3601 s"));
    put("/var/log/syslog", "Nov 13 10:00:00 host a\nNov 13 10:00:01 host b\n");
    practice(21);
    expect(AUDIT_PASS, "system files are as packaged", "");
}

static void test_the_guards_journal(void **state)
{
    (void)state;
    dpkg = "";
    put("/var/log/syslog", "Nov 13 10:00:00 host a\n");
    practice(21);
    assert_null(strstr(row.finding, "journal"));
    world.journal = "/var/log/handfast/guard.journal";
    practice(21);
    expect(AUDIT_WARN, "/var/log/handfast/guard.journal cannot be read",
           "handfast journal verify /var/log/handfast/guard.journal");
    journal = "{\"honest\":true,\"verdict\":\"honest\",\"last_record\":712}";
    practice(21);
    expect(AUDIT_PASS, "no lie in the guard's journal, 712 records", "");
    journal = "{\"honest\":false,\"verdict\":\"removed\",\"file\":\"x.journal\",\"line\":9,"
              "\"text\":\"record 9 is not there\"}";
    journal_code = 1;
    practice(21);
    journal_code = 0;
    expect(AUDIT_FAIL, "the guard's journal x.journal:9: removed: record 9 is not there",
           "handfast journal verify /var/log/handfast/guard.journal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_updates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_services, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sharing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ports, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_opens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_firewall, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shadows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_jumps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_asked_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_anti_ddos, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_logs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_guards_journal, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
