/* Fuzzer of what an audit reads: a ruleset of nftables as JSON, or a file of logs. What is counted fits what was read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/nft.h"
#include "audit/syslog.h"
#include "base/must.h"
#include "fuzz/input.h"

#define NOW_S INT64_C(1795000000)

struct reading {
    struct syslog syslog;
    uint64_t found;
};

static void on_finding(void *context, const struct syslog_finding *finding)
{
    struct reading *reading = context;

    reading->found++;
    must(finding->line <= reading->syslog.lines);
    must((finding->oddity == SYSLOG_BACK) == (finding->at_s < finding->before_s));
}

static void read_logs(const uint8_t *data, size_t size)
{
    struct reading reading = {.found = 0};
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");

    must(file);
    syslog_read(&reading.syslog, file, NOW_S, on_finding, &reading);
    must(reading.syslog.dated <= reading.syslog.lines);
    must(reading.found <= reading.syslog.dated);
    fclose(file);
}

static void read_rules(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct nft_facts facts;

    must(text);
    memcpy(text, data, size);
    text[size] = '\0';
    if (nft_parse(&facts, text)) {
        must(facts.shadowed + facts.wide <= facts.rules);
        must(!facts.input_drops || facts.input);
        must(memchr(facts.filter, '\0', sizeof facts.filter));
        for (unsigned i = 0; i < facts.shadowed && i < NFT_NAMED_MAX; i++)
            must(strncmp(facts.shadowed_fix[i], "nft delete rule ", 16) == 0);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    if (data[0] == '{')
        read_rules(data, size);
    else
        read_logs(data, size);
    return 0;
}
