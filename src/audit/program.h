/* Programs whose output the audit reads: no shell, no input, a bounded time and output. */
#ifndef AUDIT_PROGRAM_H
#define AUDIT_PROGRAM_H

#define PROGRAM_SECONDS 60
#define PROGRAM_OUTPUT_MAX (16 * 1024 * 1024)

/* Runs argv[0] as found in the usual directories of administration. *output: its standard output, ended by a zero, never NULL when
 * it ran (free it). The exit code; -1: it is not there, took too long, or died. */
int program_run(const char *const argv[], char **output);

#endif
