/* Files of keys for signed segments. A secret is in no message, whatever is wrong with its line. */
#include "guard/key_file.h"

#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SYSCALLS("openat:read fstat read close");

#define FILE_BYTES_MAX (256 * 1024)
#define WORD_MAX 300
#define ALGORITHMS "hmac-sha-1-96, aes-128-cmac-96, hmac-sha-256-128 and md5"
#define FORM                                                                                      \
    "peer PREFIX algorithm NAME send ID receive ID secret \"WORDS\" (or hex DIGITS), and port N " \
    "or options-excluded if they are needed"
#define PUBLISHED "testvector" /* the key of RFC 9235's examples [R9235-06] */

struct reading {
    const char *file;
    uint32_t line;
    char *error;
    const char *at, *end; /* what is left of the line */
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct reading *reading,
                                                         const char *format, ...)
{
    va_list arguments;
    int used = reading->line == 0 /* the file as such */
                   ? snprintf(reading->error, KEY_FILE_ERROR_MAX, "%.200s: ", reading->file)
                   : snprintf(reading->error, KEY_FILE_ERROR_MAX, "%.200s:%u: ", reading->file,
                              reading->line);

    va_start(arguments, format);
    if (used > 0 && used < KEY_FILE_ERROR_MAX)
        vsnprintf(reading->error + used, (size_t)(KEY_FILE_ERROR_MAX - used), format, arguments);
    va_end(arguments);
    return false;
}

/* ---- words ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word; quotes hold blanks and number signs. False: there is none, or it is too long or its quotes are open. */
static bool next_word(struct reading *reading, char word[WORD_MAX], bool *sound)
{
    size_t length = 0;
    char quote = 0;

    *sound = true;
    while (reading->at < reading->end && is_blank(*reading->at))
        reading->at++;
    if (reading->at == reading->end || *reading->at == '#')
        return false;
    if (*reading->at == '"' || *reading->at == '\'')
        quote = *reading->at++;
    while (reading->at < reading->end && length < WORD_MAX - 1 &&
           (quote ? *reading->at != quote : !is_blank(*reading->at)))
        word[length++] = *reading->at++;
    word[length] = '\0';
    if (quote)
        *sound = reading->at < reading->end && *reading->at++ == quote;
    *sound = *sound && length < WORD_MAX - 1 && memchr(word, '\0', length) == NULL;
    return true;
}

static bool read_id(const char *word, uint32_t most, uint32_t *id)
{
    char *end;
    unsigned long value = strtoul(word, &end, 10);

    *id = (uint32_t)value;
    return word[0] >= '0' && word[0] <= '9' && *end == '\0' && value <= most;
}

/* [RFC 5926 3.1.1.3; R5926-07] names two of them in its own way. */
static enum hf_key_algorithm algorithm_of(const char *word)
{
    if (strcmp(word, "SHA1") == 0)
        return HF_KEY_HMAC_SHA_1_96;
    if (strcmp(word, "AES128") == 0)
        return HF_KEY_AES_128_CMAC_96;
    for (int a = HF_KEY_NONE + 1; a < HF_KEY_ALGORITHMS; a++)
        if (strcmp(word, hf_key_algorithm_text((enum hf_key_algorithm)a)) == 0)
            return (enum hf_key_algorithm)a;
    return HF_KEY_NONE;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *word, struct key_entry *entry)
{
    for (entry->key.secret_length = 0; word[0] != '\0'; word += 2) {
        int high = digit(word[0]), low = word[1] != '\0' ? digit(word[1]) : -1;

        if (high < 0 || low < 0 || entry->key.secret_length == sizeof entry->secret)
            return false;
        entry->secret[entry->key.secret_length++] = (uint8_t)(high << 4 | low);
    }
    return entry->key.secret_length > 0;
}

static bool read_text(const char *word, struct key_entry *entry)
{
    size_t length = strlen(word);

    if (length == 0 || length > sizeof entry->secret)
        return false;
    memcpy(entry->secret, word, length);
    entry->key.secret_length = length;
    return true;
}

/* ---- one line ---- */

enum said {
    SAID_PEER = 1,
    SAID_SEND = 2,
    SAID_RECEIVE = 4,
    SAID_SECRET = 8,
    SAID_ALGORITHM = 16,
    SAID_PORT = 32,
};

static bool take_peer(const struct reading *reading, struct key_entry *entry, const char *value)
{
    if (strcmp(value, "any") == 0) {
        entry->key.remote = (struct hf_prefix){.length = 0};
        return true;
    }
    return hf_prefix_parse(&entry->key.remote, value) == HF_OK ||
           refuse(reading, "peer %.60s, accepted is an address, a prefix or any", value);
}

static bool take_secret(const struct reading *reading, struct key_entry *entry, const char *name,
                        const char *value)
{
    bool hex = strcmp(name, "hex") == 0;

    if (!(hex ? read_hex(value, entry) : read_text(value, entry)))
        return refuse(reading, "the %s is not shown, accepted are %s", name,
                      hex ? "2 to 256 hexadecimal digits, an even number" : "1 to 128 letters");
    if (entry->key.secret_length == strlen(PUBLISHED) &&
        memcmp(entry->secret, PUBLISHED, strlen(PUBLISHED)) == 0)
        return refuse(reading, "the secret is the one of RFC 9235's examples, which everybody "
                               "knows, accepted is one of your own");
    return true;
}

/* 0: no such word. */
static unsigned said_of(const char *name)
{
    static const struct {
        const char *name;
        unsigned said;
    } words[] = {{"peer", SAID_PEER},     {"send", SAID_SEND},  {"receive", SAID_RECEIVE},
                 {"secret", SAID_SECRET}, {"hex", SAID_SECRET}, {"algorithm", SAID_ALGORITHM},
                 {"port", SAID_PORT}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].name, name) == 0)
            return words[i].said;
    return 0;
}

static bool take_pair(const struct reading *reading, struct key_entry *entry, const char *name,
                      const char *value, unsigned *said)
{
    unsigned word = said_of(name);
    uint32_t number;

    if (word == 0)
        return refuse(reading,
                      "an unknown word, not shown as it may be part of a secret, accepted is %s",
                      FORM);
    if (*said & word)
        return refuse(reading, "a second %s, accepted is one%s", name,
                      word == SAID_SECRET ? " secret or hex" : "");
    *said |= word;
    if (word == SAID_PEER)
        return take_peer(reading, entry, value);
    if (word == SAID_SECRET)
        return take_secret(reading, entry, name, value);
    if (word == SAID_ALGORITHM) {
        entry->key.algorithm = algorithm_of(value);
        return entry->key.algorithm != HF_KEY_NONE ||
               refuse(reading, "algorithm %.40s, accepted are %s", value, ALGORITHMS);
    }
    if (word == SAID_PORT) {
        if (!read_id(value, UINT16_MAX, &number) || number == 0)
            return refuse(reading, "port %.20s, accepted is the peer's, 1 to 65535", value);
        entry->key.remote_port = (uint16_t)number;
        return true;
    }
    if (!read_id(value, UINT8_MAX, &number))
        return refuse(reading, "%s %.20s, accepted is an id from 0 to 255", name, value);
    *(word == SAID_SEND ? &entry->key.send_id : &entry->key.receive_id) = (uint8_t)number;
    return true;
}

static bool is_complete(const struct reading *reading, const struct key_entry *entry, unsigned said)
{
    bool md5 = entry->key.algorithm == HF_KEY_MD5;

    if (!(said & SAID_PEER) || !(said & SAID_SECRET))
        return refuse(reading, "no %s, accepted is %s", said & SAID_PEER ? "secret" : "peer", FORM);
    if (md5 && (said & (SAID_SEND | SAID_RECEIVE)))
        return refuse(reading, "md5 has no ids, accepted is a line without send and receive");
    if (md5 && entry->key.secret_length > HF_KEY_SECRET_MD5_MAX)
        return refuse(reading, "the secret of an md5 key is longer than %u bytes",
                      HF_KEY_SECRET_MD5_MAX);
    if (!md5 && (~said & (SAID_SEND | SAID_RECEIVE)))
        return refuse(reading, "a TCP-AO key without send and receive, accepted is %s", FORM);
    return true;
}

static bool take_line(struct key_list *list, struct reading *reading)
{
    struct key_entry entry = {.key.algorithm = HF_KEY_HMAC_SHA_1_96, .line = reading->line};
    char name[WORD_MAX], value[WORD_MAX];
    unsigned said = 0;
    bool ok = true, sound, any = false;

    while (ok && next_word(reading, name, &sound)) {
        any = true;
        if (sound && strcmp(name, "options-excluded") == 0) {
            entry.key.options_excluded = true;
            continue;
        }
        if (!sound || !next_word(reading, value, &sound) || !sound)
            ok = refuse(reading,
                        "a word without a value, or quotes that do not end, accepted is %s", FORM);
        else
            ok = take_pair(reading, &entry, name, value, &said);
    }
    if (ok && any) {
        ok = is_complete(reading, &entry, said);
        if (ok && list->count == KEY_FILE_KEYS_MAX)
            ok = refuse(reading, "one key more, accepted are %u in all files together",
                        KEY_FILE_KEYS_MAX);
        if (ok && !key_list_add(list, &entry))
            ok = refuse(reading, "no memory for more keys");
    }
    explicit_bzero(&entry, sizeof entry);
    explicit_bzero(value, sizeof value);
    return ok;
}

/* ---- one file ---- */

static bool take_text(struct key_list *list, struct reading *reading, const char *text,
                      size_t length)
{
    const char *end = text + length;

    for (reading->line = 1; text < end; reading->line++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));

        reading->at = text;
        reading->end = newline ? newline : end;
        if (!take_line(list, reading))
            return false;
        text = reading->end + 1;
    }
    return true;
}

static bool check_mode(const struct reading *reading, int fd, size_t *bytes)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return refuse(reading, "%s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(reading, "no regular file, accepted is one");
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        return refuse(
            reading, "mode %04o lets others read or change it, accepted is 0600 (chmod 600 %.100s)",
            (unsigned)status.st_mode & 07777, reading->file);
    if (status.st_size > FILE_BYTES_MAX)
        return refuse(reading, "%lld bytes, accepted are %d", (long long)status.st_size,
                      FILE_BYTES_MAX);
    *bytes = (size_t)status.st_size;
    return true;
}

static bool read_all(const struct reading *reading, int fd, char *text, size_t *length)
{
    size_t bytes = *length;

    for (*length = 0; *length < bytes;) {
        ssize_t got = read(fd, text + *length, bytes - *length);

        if (got < 0 && errno != EINTR)
            return refuse(reading, "it cannot be read: %s", strerror(errno));
        if (got == 0)
            break;
        *length += got > 0 ? (size_t)got : 0;
    }
    return true;
}

bool key_file_read(struct key_list *list, const char *file, char error[KEY_FILE_ERROR_MAX])
{
    struct reading reading = {.file = file, .error = error};
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t length = 0, room;
    char *text = NULL;
    bool ok;

    if (fd < 0)
        return refuse(&reading, "%s, accepted is a file that can be read", strerror(errno));
    ok = check_mode(&reading, fd, &length);
    room = length + 1;
    if (ok && (text = malloc(room)) == NULL)
        ok = refuse(&reading, "no memory for %zu bytes", length);
    ok = ok && read_all(&reading, fd, text, &length);
    close(fd);
    reading.line = 1;
    ok = ok && take_text(list, &reading, text, length);
    if (text != NULL)
        explicit_bzero(text, room);
    free(text);
    return ok;
}

/* ---- lists ---- */

struct hf_key key_entry_key(const struct key_entry *entry)
{
    struct hf_key key = entry->key;

    key.secret = entry->secret;
    return key;
}

bool key_list_add(struct key_list *list, const struct key_entry *entry)
{
    if (list->count == list->capacity) { /* by hand: what realloc leaves behind is not wiped */
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct key_entry *entries = calloc(capacity, sizeof *entries);

        if (entries == NULL)
            return false;
        if (list->count > 0)
            memcpy(entries, list->entries, list->count * sizeof *entries);
        if (list->entries != NULL)
            explicit_bzero(list->entries, list->count * sizeof *entries);
        free(list->entries);
        list->entries = entries;
        list->capacity = capacity;
    }
    list->entries[list->count++] = *entry;
    return true;
}

void key_list_free(struct key_list *list)
{
    if (list->entries != NULL)
        explicit_bzero(list->entries, list->count * sizeof *list->entries);
    free(list->entries);
    *list = (struct key_list){.entries = NULL};
}
