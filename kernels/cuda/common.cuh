// What all kernels share. launcher.py compiles this file and the .cu files behind it as one source, once for each pair of
// an element type and an index type: -DREAL=float|double -DINDEX=int|"long long".
//
// Arrays are channels-last and C-contiguous, as in loops.py, which defines what every kernel computes; the letters are those
// of geometry.py. No kernel adds to memory that another thread adds to: where the formula scatters (col2im, the adjoints of
// pooling), a thread gathers what belongs to its own entry instead, in the order of loops.py. So there are no atomics, and
// every run gives the same bits.

typedef REAL Real;
typedef INDEX Index;

// Each thread takes entry i, then the one as many places further as there are threads: any number of threads does all.
#define FOR_EACH(i, total)                                                                                    \
  for (Index i = (Index)blockIdx.x * (Index)blockDim.x + (Index)threadIdx.x, step = (Index)gridDim.x * (Index)blockDim.x; \
       i < (total); i += step)

// The windows of one part of the output (Part in geometry.py). launcher.Windows lists the same fields in the same order.
struct Windows {
  Index C, H, W;         // the image
  Index KH, KW;          // the window
  Index SH, SW, PH, PW;  // stride, padding
  Index DH, DW;          // dilation
  Index OH, OW;          // the whole output
  Index groups;          // im2col keeps the channels of each group together
  Index n0, images;      // the part: these images,
  Index r0, rows;        // and these rows of the output
  Index h0, height;      // the rows of the image that the part reads
};

// Take the last digit of ``rest`` in base ``size``: peels a position in memory into coordinates, the last one first.
__device__ inline Index digit(Index& rest, Index size) {
  const Index last = rest % size;
  rest /= size;
  return last;
}

// The compiler for the device is given no <limits> and no INFINITY.
__device__ inline Real minus_infinity() { return log((Real)0); }

// Is pixel (h, w) inside the image?
__device__ inline bool inside(const Windows& geo, Index h, Index w) {
  return h >= 0 && h < geo.H && w >= 0 && w < geo.W;
}

// Which window (along one axis, of ``out``) has its tap k on pixel h?  h = i*stride - padding + k*dilation; -1: none has.
__device__ inline Index window_on(Index h, Index k, Index stride, Index padding, Index dilation, Index out) {
  const Index start = h + padding - k * dilation;
  if (start < 0 || start % stride != 0) return -1;
  return start / stride < out ? start / stride : -1;
}
