// max::lora_linear on the CPU (lora.h).

#include "../include/lora.h"

MAX_EXPORT void lora_linear(const LoraLinearArgs* args, max::Pool* pool) {
  if (args->type == max::kFloat32)
    max::add_adapters<float>(*args, pool);
  else
    max::add_adapters<max::bfloat16>(*args, pool);
}
