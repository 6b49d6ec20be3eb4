/* Requests: a line of words or a JSON object, made one thing. */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include <stddef.h>

#include <jansson.h>

/* A new object with a string "command"; NULL if the line (any bytes, without its newline) is none. */
json_t *request_parse(const char *line, size_t length);

#endif
