#include "provider/program.hpp"

int main() {
  return aphex::provider::run_program();
}
