// max::packed_quantized_linear on the CPU: x @ weight.T + bias, with the weight's blocks in panels
// (quantized_blocks.h).
//
// Activations are rounded to signed bytes, 32 or (for Q4_K, Q5_K, Q6_K) 256 with one scale, so that
// products are sums of bytes, which are exact. A block's integer sum is scaled to float32 and added to
// the unit's, a unit's is scaled by the activations' scale and added to the output's: both in sequence,
// whatever the number of rows and threads. So a row's bits do not depend on its batch.

#include "../include/packed_quantized_linear.h"

#include <utility>

#include "../include/ahead.h"
#include "../include/row_blocks.h"

namespace {

using namespace max;

// Elements of a panel's rows that stay in cache for all rows.
constexpr int64_t kSlice = 512;
// Rows whose sums a thread keeps beside them.
constexpr int64_t kItemRows = 16 * kPanelRows;
// Handing work to other threads costs about as much as this many blocks of a panel.
constexpr int64_t kWorthThreads = 256;
constexpr int64_t kMostSubs = 8;

// 32 activations of some rows; the rows of a block of rows stand side by side.
template <int64_t rows>
struct Activations {
  uint32_t steps[kSteps][rows];  // four bytes each
  float scale[rows];
  float minus_sum[rows];             // of all bytes
  uint32_t minus_integers[3][rows];  // as integers: of each half, and of all
};
constexpr int64_t kActivationBytes = sizeof(Activations<1>);
static_assert(kActivationBytes == 52);  // as cpu.py allots

// Vectors of a tile of some rows: as many integer sums, and float sums of them, as there are registers.
template <int64_t rows>
constexpr int64_t sum_vectors() {
#if defined(__AVX512F__)
  return 2;
#else
  return rows <= 2 ? 2 : 1;
#endif
}

template <int64_t rows>
using Tile = Floats[rows][sum_vectors<rows>()];

template <typename F, int... n>
MAX_INLINE void for_steps(std::integer_sequence<int, n...>, const F& f) {
  (f(std::integral_constant<int, n>()), ...);
}

// Integer sums of one scale's elements: half `half` of two, or the whole block.
template <typename E, int half, int64_t rows, int64_t vectors>
MAX_INLINE void sum_bytes(const uint8_t* elements, int64_t column, const Activations<rows>& x,
                          Words (&sums)[rows][vectors]) {
  for (int64_t r = 0; r < rows; ++r) {
    Words start = {};
    if constexpr (!E::kHasMin) {
      constexpr int which = E::kScales == 2 ? half : 2;
      start = shift_left<E::kOffsetBits>(broadcast_word(x.minus_integers[which][r]));
    }
    for (int64_t v = 0; v < vectors; ++v) sums[r][v] = start;
  }
  constexpr int count = kSteps / E::kScales;
  for_steps(std::make_integer_sequence<int, count>(), [&](auto n) MAX_INLINE_LAMBDA {
    constexpr int step = half * count + n;
    Words w[vectors];
    for (int64_t v = 0; v < vectors; ++v)
      w[v] = E::Elements::template load<step>(elements, column + v * kFloats);
    for (int64_t r = 0; r < rows; ++r) {
      Words a = broadcast_word(x.steps[step][r]);
      for (int64_t v = 0; v < vectors; ++v) sums[r][v] = dot_bytes<E::kBits>(sums[r][v], w[v], a);
    }
  });
}

// Adds a block's products to a tile: of the unit, or of the outputs where the block is a unit, and the
// activations' scale then goes with it.
template <typename E, int64_t rows>
MAX_INLINE void add_block(const uint8_t* unit, const uint8_t* block, int64_t column,
                          const Activations<rows>& x, Tile<rows>& tile) {
  constexpr int64_t vectors = sum_vectors<rows>();
  for_steps(std::make_integer_sequence<int, E::kScales>(), [&](auto half) MAX_INLINE_LAMBDA {
    Words integers[rows][vectors];
    sum_bytes<E, half>(block + E::kElementsAt, column, x, integers);
    for (int64_t v = 0; v < vectors; ++v) {
      int64_t at = column + v * kFloats;
      Floats scale = E::scale(unit, block, half, at), min = E::min(unit, block, at);
      for (int64_t r = 0; r < rows; ++r) {
        Floats product = to_floats(integers[r][v]), minus_sum = broadcast(x.minus_sum[r]);
        if (E::kSubs == 1) {
          product = multiply(product, broadcast(x.scale[r]));
          minus_sum = multiply(minus_sum, broadcast(x.scale[r]));
        }
        tile[r][v] = multiply_add(product, scale, tile[r][v]);
        if (E::kHasMin) tile[r][v] = multiply_add(min, minus_sum, tile[r][v]);
      }
    }
  });
}

template <int64_t rows>
MAX_INLINE void load_tile(const float* sums, Tile<rows>& tile) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < sum_vectors<rows>(); ++v)
      tile[r][v] = load_floats(sums + r * kOutputs + v * kFloats);
}

template <int64_t rows>
MAX_INLINE void store_tile(const Tile<rows>& tile, float* sums) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < sum_vectors<rows>(); ++v)
      store_floats(sums + r * kOutputs + v * kFloats, tile[r][v]);
}

// Adds the products of `count` units of a panel to sums [rows][kOutputs].
template <typename E, int64_t rows>
void multiply_units(const uint8_t* units, const char* activations, int64_t count, const Ahead& ahead,
                    float* sums) {
  for (int64_t column = 0; column < kOutputs; column += sum_vectors<rows>() * kFloats) {
    const uint8_t* unit = units;
    auto x = reinterpret_cast<const Activations<rows>*>(activations);
    Tile<rows> tile;
    if constexpr (E::kSubs == 1) {
      load_tile<rows>(sums + column, tile);
      for (int64_t i = 0; i < count; ++i, unit += unit_bytes<E>(), ++x) {
        if (column == 0) ahead.fetch(unit, E::kBlock);
        add_block<E, rows>(unit, unit, column, *x, tile);
      }
      store_tile<rows>(tile, sums + column);
    } else {
      for (int64_t i = 0; i < count; ++i, unit += unit_bytes<E>()) {
        for (auto& row : tile)
          for (Floats& sum : row) sum = zeros();
        const uint8_t* block = unit + E::kHeader;
        for (int64_t sub = 0; sub < E::kSubs; ++sub, ++x, block += E::kBlock) {
          if (column == 0) ahead.fetch(block, E::kBlock);
          add_block<E, rows>(unit, block, column, *x, tile);
        }
        Tile<rows> total;
        load_tile<rows>(sums + column, total);
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t v = 0; v < sum_vectors<rows>(); ++v)
            total[r][v] = multiply_add(tile[r][v], broadcast(x[-1].scale[r]), total[r][v]);
        store_tile<rows>(total, sums + column);
      }
    }
  }
}

template <typename E>
void multiply_rows(int64_t rows, const uint8_t* unit, const char* x, int64_t units, const Ahead& ahead,
                   float* sums) {
  static_assert(kPanelRows == 6);
  switch (rows) {
    case 1: return multiply_units<E, 1>(unit, x, units, ahead, sums);
    case 2: return multiply_units<E, 2>(unit, x, units, ahead, sums);
    case 3: return multiply_units<E, 3>(unit, x, units, ahead, sums);
    case 4: return multiply_units<E, 4>(unit, x, units, ahead, sums);
    case 5: return multiply_units<E, 5>(unit, x, units, ahead, sums);
    default: return multiply_units<E, 6>(unit, x, units, ahead, sums);
  }
}

// The bytes of one row's activations, with one scale, and the sums of each 16 of them.
struct Rounded {
  alignas(64) int8_t bytes[kMostSubs * kBlockElements];
  int32_t sums[kMostSubs * 2];
  float scale;
};

MAX_INLINE Floats load_elements(const float* x) { return load_floats(x); }
MAX_INLINE Floats load_elements(const bfloat16* x) {
  float values[kFloats];
  for (int64_t i = 0; i < kFloats; ++i) values[i] = load(x[i]);
  return load_floats(values);
}

// To the nearest of 255 multiples of the scale. An infinity or NaN makes the scale one.
template <typename Element>
void round_to_bytes(const Element* x, int64_t count, Rounded* to) {
  Words most = broadcast_word(0);
  for (int64_t i = 0; i < count; i += kFloats)
    most = larger_word(most, (Words)load_elements(x + i) & broadcast_word(0x7fffffff));
  uint32_t magnitudes[kFloats], largest_bits = 0;
  std::memcpy(magnitudes, &most, sizeof magnitudes);
  for (uint32_t bits : magnitudes) largest_bits = std::max(largest_bits, bits);
  float largest;
  std::memcpy(&largest, &largest_bits, sizeof largest);
  to->scale = largest / 127.0f;
  float inverse = 127.0f / largest;
  if (!(inverse <= 0x1p126f)) inverse = 0;  // zeros, subnormal numbers and what is no number
  // The nearest integer is in the low bits of a sum with this.
  Floats factor = broadcast(inverse), round = broadcast(12582912.0f);
  for (int64_t i = 0; i < count; i += kFloats)
    store_low_bytes(to->bytes + i, (Words)add(multiply(load_elements(x + i), factor), round));
  for (int64_t i = 0; i < count; i += 4 * kFloats) {
    int32_t fours[kFloats];
    Words sums = dot_bytes<8>(broadcast_word(0), bytes(1), load_words(to->bytes + i));
    std::memcpy(fours, &sums, sizeof fours);
    for (int64_t n = 0; n < std::min(count - i, 4 * kFloats); n += 16)
      to->sums[(i + n) / 16] = fours[n / 4] + fours[n / 4 + 1] + fours[n / 4 + 2] + fours[n / 4 + 3];
  }
}

template <typename Element>
class PackedQuantizedLinear {
 public:
  explicit PackedQuantizedLinear(const PackedQuantizedLinearArgs& args)
      : args_(args),
        blocks_{args.rows},
        row_bytes_(args.in_features / kBlockElements * kActivationBytes) {}

  void run(Pool* pool) {
    if (args_.rows == 0 || args_.num_weights == 0) return;
    int64_t panels = 0;
    for (int64_t i = 0; i < args_.num_weights; ++i) panels += panels_of<kOutputs>(args_.weights[i]);
    if (panels * blocks_.count * args_.in_features / kBlockElements < kWorthThreads) pool = nullptr;
    int64_t subs = with_encoding(args_.encodings[0], [](auto e) { return e.kSubs; });
    parallel_for(pool, blocks_.count, 2, [&](int64_t first, int64_t last) {
      for (int64_t block = first; block < last; ++block) arrange(block, subs);
    });
    for_each_panel<kOutputs>(
        pool, args_.weights, args_.num_weights, blocks_, kItemRows,
        [&](const PackedWeight& weight, int64_t panel, int64_t first, int64_t last) {
          with_encoding(args_.encodings[&weight - args_.weights], [&](auto e) {
            multiply<decltype(e)>(weight, panel, first, last);
          });
        });
  }

 private:
  char* activations(int64_t row) const {
    return static_cast<char*>(args_.workspace) + row * row_bytes_;
  }

  // Rounds the activations of a block of rows, `subs` times 32 with one scale.
  void arrange(int64_t block, int64_t subs) {
    int64_t begin = blocks_.begin(block), rows = blocks_.begin(block + 1) - begin;
    int64_t count = subs * kBlockElements;
    char* to = activations(begin);
    for (int64_t r = 0; r < rows; ++r) {
      const Element* x = static_cast<const Element*>(args_.x) + (begin + r) * args_.x_stride;
      for (int64_t k = 0; k < args_.in_features; k += count) {
        Rounded rounded;
        round_to_bytes(x + k, count, &rounded);
        for (int64_t sub = 0; sub < subs; ++sub)
          put(rounded, sub, r, rows, to + (k / kBlockElements + sub) * rows * kActivationBytes);
      }
    }
  }

  // Writes one row of an Activations<rows>.
  static void put(const Rounded& from, int64_t sub, int64_t r, int64_t rows, char* to) {
    auto words = reinterpret_cast<uint32_t*>(to);
    const int8_t* bytes = from.bytes + sub * kBlockElements;
    const int32_t* sums = from.sums + 2 * sub;
    for (int64_t step = 0; step < kSteps; ++step)
      std::memcpy(&words[step * rows + r], bytes + 4 * step, sizeof *words);
    float minus_sum = static_cast<float>(-(sums[0] + sums[1]));
    uint32_t* rest = words + kSteps * rows + r;
    std::memcpy(&rest[0], &from.scale, sizeof *rest);
    std::memcpy(&rest[rows], &minus_sum, sizeof *rest);
    rest[2 * rows] = static_cast<uint32_t>(-sums[0]);
    rest[3 * rows] = static_cast<uint32_t>(-sums[1]);
    rest[4 * rows] = static_cast<uint32_t>(-(sums[0] + sums[1]));
  }

  // Blocks of rows [first, last) times one panel.
  template <typename E>
  void multiply(const PackedWeight& weight, int64_t panel, int64_t first, int64_t last) {
    alignas(64) float sums[kItemRows * kOutputs];
    int64_t units = args_.in_features / unit_elements<E>();
    int64_t slice = kSlice / unit_elements<E>();
    auto packed = static_cast<const uint8_t*>(weight.packed) + panel * units * unit_bytes<E>();
    int64_t top = blocks_.begin(first), end = blocks_.begin(last);
    std::fill(sums, sums + (end - top) * kOutputs, 0.0f);
    for (int64_t unit = 0; unit < units; unit += slice)
      for (int64_t block = first; block < last; ++block) {
        int64_t begin = blocks_.begin(block), rows = blocks_.begin(block + 1) - begin;
        const char* x = activations(begin) + unit * E::kSubs * rows * kActivationBytes;
        Ahead ahead{last - first > 1 ? slice * unit_bytes<E>() : 0, block - first, last - first};
        multiply_rows<E>(rows, packed + unit * unit_bytes<E>(), x, std::min(slice, units - unit),
                         ahead, sums + (begin - top) * kOutputs);
      }
    write_sums<kOutputs, Element>(weight, panel, top, end, sums);
  }

  const PackedQuantizedLinearArgs& args_;
  RowBlocks blocks_;
  int64_t row_bytes_;
};

template <typename E>
void pack_blocks(const PackBlocksArgs& args, Pool* pool) {
  int64_t units = args.in_features / unit_elements<E>();
  int64_t panel_bytes = units * unit_bytes<E>();
  int64_t panels = (args.out_features + kOutputs - 1) / kOutputs;
  parallel_for(pool, panels, 1, [&](int64_t first, int64_t last) {
    for (int64_t panel = first; panel < last; ++panel) {
      uint8_t* to = static_cast<uint8_t*>(args.packed) + panel * panel_bytes;
      std::memset(to, 0, panel_bytes);
      int64_t count = std::min(kOutputs, args.out_features - panel * kOutputs);
      for (int64_t unit = 0; unit < units; ++unit, to += unit_bytes<E>())
        for (int64_t output = 0; output < count; ++output) {
          const uint8_t* from =
              args.rows + (panel * kOutputs + output) * args.row_bytes + unit * E::kFileBytes;
          for (int64_t sub = 0; sub < E::kSubs; ++sub) {
            uint8_t* block = to + E::kHeader + sub * E::kBlock;
            Decoded decoded;
            E::decode(from, sub, &decoded);
            E::put_scales(decoded, to, block, output);
            E::Elements::put(decoded.elements, block + E::kElementsAt, output);
          }
        }
    }
  });
}

}  // namespace

// All weights are of encodings with the same number of blocks in a unit.
MAX_EXPORT void packed_quantized_linear(const PackedQuantizedLinearArgs* args, Pool* pool) {
  if (args->type == kFloat32)
    PackedQuantizedLinear<float>(*args).run(pool);
  else
    PackedQuantizedLinear<bfloat16>(*args).run(pool);
}

// Writes every byte of `packed`.
MAX_EXPORT void packed_quantized_linear_pack(const PackBlocksArgs* args, Pool* pool) {
  with_encoding(args->encoding, [&](auto e) { pack_blocks<decltype(e)>(*args, pool); });
}
