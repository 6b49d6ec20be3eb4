/* Syslog files of hosts and routers. RFC 3164 4.1.2 and RFC 5424 6.2.3. */
#include "audit/syslog.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_BYTES 4096
#define HALF_A_YEAR_S (183 * INT64_C(86400))
#define EPOCH_DIGITS 10

static int month_of(const char *text)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12; i++)
        if (strncmp(text, names + 3 * (size_t)i, 3) == 0)
            return i;
    return -1;
}

static bool clock_of(const char *text, struct tm *tm)
{
    return sscanf(text, "%2d:%2d:%2d", &tm->tm_hour, &tm->tm_min, &tm->tm_sec) == 3 &&
           tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* "Nov 23 05:07:12" or, of routers, "Nov 23 2026 05:07:12". */
static bool bsd_time(const char *text, int year, int64_t *at_s)
{
    struct tm tm = {.tm_year = year - 1900};
    char *end;

    if (strlen(text) < 15)
        return false;
    tm.tm_mon = month_of(text);
    if (tm.tm_mon < 0 || text[3] != ' ')
        return false;
    tm.tm_mday = (int)strtol(text + 4, &end, 10);
    if (tm.tm_mday < 1 || tm.tm_mday > 31 || *end != ' ')
        return false;
    while (*end == ' ')
        end++;
    if (strlen(end) > 5 && end[4] == ' ') {
        tm.tm_year = (int)strtol(end, &end, 10) - 1900;
        end++;
    }
    if (!clock_of(end, &tm))
        return false;
    *at_s = timegm(&tm);
    return true;
}

/* "2026-11-23T05:07:12.123456+01:00"; without a zone it is taken for UTC, as one file has one zone. */
static bool iso_time(const char *text, int64_t *at_s)
{
    struct tm tm = {.tm_year = 0};
    int hours = 0, minutes = 0;

    if (sscanf(text, "%4d-%2d-%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3 ||
        strlen(text) < 19 || (text[10] != 'T' && text[10] != ' ') || !clock_of(text + 11, &tm) ||
        tm.tm_mon < 1 || tm.tm_mon > 12)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    *at_s = timegm(&tm);
    text += 19;
    if (*text == '.')
        for (text++; isdigit((unsigned char)*text);)
            text++;
    if ((*text == '+' || *text == '-') && sscanf(text + 1, "%2d:%2d", &hours, &minutes) == 2)
        *at_s -= (*text == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool epoch_time(const char *text, int64_t *at_s)
{
    char *end;

    *at_s = strtoll(text, &end, 10);
    return end - text == EPOCH_DIGITS && (*end == ' ' || *end == '.' || *end == '\0');
}

/* "<13>", "<13>1 ", "000123: ", "*", ".": what stands before the time. */
static const char *skip_head(const char *line)
{
    const char *at = line;

    if (*at == '<') {
        while (isdigit((unsigned char)*++at))
            ;
        if (*at != '>')
            return line;
        at++;
        if (*at == '1' && at[1] == ' ')
            at += 2;
    }
    const char *number = at;

    while (isdigit((unsigned char)*number))
        number++;
    if (number > at && number[0] == ':' && number[1] == ' ')
        at = number + 2;
    if (*at == '*' || *at == '.')
        at++;
    return at;
}

bool syslog_time(const char *line, int year, int64_t *at_s)
{
    const char *at = skip_head(line);

    return bsd_time(at, year, at_s) || iso_time(at, at_s) || epoch_time(at, at_s);
}

static void judge(struct syslog *syslog, int64_t at_s,
                  void (*found)(void *context, const struct syslog_finding *finding), void *context)
{
    int64_t step_s = at_s - syslog->last_s;
    struct syslog_finding finding = {SYSLOG_GAP, syslog->lines, syslog->last_s, at_s};

    if (syslog->dated <= 1)
        return;
    if (step_s < -SYSLOG_BACK_S) {
        finding.oddity = SYSLOG_BACK;
        found(context, &finding);
        return;
    }
    int64_t average_s = (syslog->last_s - syslog->first_s) / (int64_t)(syslog->dated - 1);

    if (syslog->dated > SYSLOG_QUIET_MIN && step_s >= SYSLOG_GAP_S &&
        step_s > SYSLOG_GAP_TIMES * average_s)
        found(context, &finding);
}

/* A line without a year belongs to this one, or to the one before if it would lie ahead; in December's wake the next begins. */
static int64_t with_year(struct syslog *syslog, const char *line, int64_t at_s, int64_t now_s)
{
    int64_t again_s;

    if (syslog->dated == 0 && at_s > now_s + 86400) {
        syslog->year--;
        return syslog_time(line, syslog->year, &again_s) ? again_s : at_s;
    }
    if (syslog->dated > 0 && syslog->last_s - at_s > HALF_A_YEAR_S) {
        syslog->year++;
        return syslog_time(line, syslog->year, &again_s) ? again_s : at_s;
    }
    return at_s;
}

void syslog_read(struct syslog *syslog, FILE *file, int64_t now_s,
                 void (*found)(void *context, const struct syslog_finding *finding), void *context)
{
    char line[LINE_BYTES];
    time_t now = (time_t)now_s;
    struct tm today;
    bool begins = true;

    gmtime_r(&now, &today);
    *syslog = (struct syslog){.year = today.tm_year + 1900};
    while (fgets(line, sizeof line, file)) {
        bool whole = strchr(line, '\n') != NULL;
        int64_t at_s;

        if (begins) {
            syslog->lines++;
            if (syslog_time(line, syslog->year, &at_s)) {
                at_s = with_year(syslog, line, at_s, now_s);
                if (syslog->dated++ == 0)
                    syslog->first_s = at_s;
                judge(syslog, at_s, found, context);
                syslog->last_s = at_s;
            }
        }
        begins = whole;
    }
}
