/* LD_PRELOAD: what each statement of SQLite has cost, in steps of its virtual machine, which are the
   same on every machine. A line of $SQLITE_WORK_FILE for each use of a statement, once it is reset
   or finalised: steps, a tab, the text with its blanks made one. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void tell(sqlite3_stmt* statement) {
  const char* path = getenv("SQLITE_WORK_FILE");
  if (path == NULL || statement == NULL) return;
  const int steps = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
  const char* sql = sqlite3_sql(statement);
  if (steps == 0 || sql == NULL) return;
  char line[8192];
  int length = snprintf(line, sizeof line, "%d\t", steps);
  for (; *sql != '\0' && length < (int)sizeof line - 1; ++sql) {
    const int blank = isspace((unsigned char)*sql);
    if (!blank || line[length - 1] != ' ') line[length++] = blank ? ' ' : *sql;
  }
  line[length++] = '\n';
  const int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) return;
  /* One write of a line is whole, whichever thread it is of. */
  if (write(file, line, (size_t)length) < 0) abort();
  close(file);
}

int sqlite3_reset(sqlite3_stmt* statement) {
  static int (*real)(sqlite3_stmt*);
  if (real == NULL) real = (int (*)(sqlite3_stmt*))dlsym(RTLD_NEXT, "sqlite3_reset");
  tell(statement);
  return real(statement);
}

int sqlite3_finalize(sqlite3_stmt* statement) {
  static int (*real)(sqlite3_stmt*);
  if (real == NULL) real = (int (*)(sqlite3_stmt*))dlsym(RTLD_NEXT, "sqlite3_finalize");
  tell(statement);
  return real(statement);
}
