// Calls a kernel on memory from a file and writes the memory back: see emulated.py.
//
//   emulated_call SENT BACK LIBRARY FUNCTION [LIBRARY FUNCTION ...]
//
//   sent: count of regions, count of pointers, sizes of the regions; for each pointer the region and the
//   offset where it stands, the region that it points into and the offset there; the regions. Regions beyond
//   those are the functions after the first, which is called.

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

int64_t read_number(FILE* file) {
  int64_t number = 0;
  if (std::fread(&number, sizeof number, 1, file) != 1) std::abort();
  return number;
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<char*> functions;
  for (int i = 3; i + 1 < count; i += 2) {
    void* library = dlopen(arguments[i], RTLD_NOW);
    if (library == nullptr) {
      std::puts(dlerror());
      return 1;
    }
    functions.push_back(static_cast<char*>(dlsym(library, arguments[i + 1])));
  }
  auto kernel = reinterpret_cast<void (*)(const void*, void*)>(functions.front());
  FILE* sent = std::fopen(arguments[1], "rb");
  std::vector<int64_t> sizes(read_number(sent));
  std::vector<int64_t> pointers(4 * read_number(sent));
  for (int64_t& size : sizes) size = read_number(sent);
  for (int64_t& number : pointers) number = read_number(sent);
  std::vector<char*> regions;
  for (int64_t size : sizes) {
    regions.push_back(static_cast<char*>(std::aligned_alloc(64, (size + 63) / 64 * 64)));
    if (std::fread(regions.back(), size, 1, sent) != 1) std::abort();
  }
  std::fclose(sent);
  regions.insert(regions.end(), functions.begin() + 1, functions.end());
  for (size_t i = 0; i < pointers.size(); i += 4) {
    char* to = regions[pointers[i + 2]] + pointers[i + 3];
    std::memcpy(regions[pointers[i]] + pointers[i + 1], &to, sizeof to);
  }
  kernel(regions[0], nullptr);
  FILE* back = std::fopen(arguments[2], "wb");
  for (size_t i = 0; i < sizes.size(); ++i) std::fwrite(regions[i], sizes[i], 1, back);
  return std::fclose(back);
}
