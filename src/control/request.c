/* Requests: {"command": ...}, or words. */
#include "control/request.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static json_t *parse_words(const char *line, size_t length)
{
    json_t *command = NULL;
    json_t *arguments = json_array();

    for (size_t at = 0; at < length;) {
        size_t end = at;

        while (end < length && !is_blank(line[end]))
            end++;
        if (end > at) {
            json_t *word = json_stringn(line + at, end - at); /* NULL: not UTF-8 */

            if (!word) {
                json_decref(command);
                json_decref(arguments);
                return NULL;
            }
            if (!command)
                command = word;
            else
                json_array_append_new(arguments, word);
        }
        at = end + 1;
    }
    if (!command) {
        json_decref(arguments);
        return NULL;
    }
    return json_pack("{s:o, s:o}", "command", command, "arguments", arguments);
}

json_t *request_parse(const char *line, size_t length)
{
    size_t at = 0;

    if (memchr(line, '\0', length)) /* "kill", and behind it what nobody sees */
        return NULL;
    while (at < length && is_blank(line[at]))
        at++;
    if (at == length || line[at] != '{')
        return parse_words(line, length);

    json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    if (request && !json_is_string(json_object_get(request, "command"))) {
        json_decref(request);
        return NULL;
    }
    return request;
}
