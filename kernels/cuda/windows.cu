// Sliding windows: im2col and its adjoint, pooling and its adjoints. Neighbouring threads have neighbouring channels, which
// are neighbours in memory too.

// cols[group, n, i, j, r, q, c] = x[n, h, w, c],  h = i*SH - PH + r*DH,  w = j*SW - PW + q*DW;  0 outside the image.
extern "C" __global__ void im2col(const Real* __restrict__ x, Real* __restrict__ cols, Windows geo, Index total) {
  const Index per_group = geo.C / geo.groups;
  FOR_EACH(k, total) {
    Index rest = k;
    const Index c = digit(rest, per_group), q = digit(rest, geo.KW), r = digit(rest, geo.KH);
    const Index j = digit(rest, geo.OW), i = geo.r0 + digit(rest, geo.rows), n = geo.n0 + digit(rest, geo.images);
    const Index h = i * geo.SH - geo.PH + r * geo.DH, w = j * geo.SW - geo.PW + q * geo.DW;
    const Index channel = rest * per_group + c;  // what is left is the group
    cols[k] = inside(geo, h, w) ? x[((n * geo.H + h) * geo.W + w) * geo.C + channel] : (Real)0;
  }
}

// The adjoint of im2col: dx[n, h, w, c] += the sum of all column values that im2col reads there. A thread has one pixel and
// channel, and asks of every tap which window has it there. Taps run backwards, so that windows come in their order.
extern "C" __global__ void col2im(const Real* __restrict__ cols, Real* __restrict__ dx, Windows geo, Index total) {
  const Index per_group = geo.C / geo.groups;
  FOR_EACH(k, total) {
    Index rest = k;
    const Index channel = digit(rest, geo.C), w = digit(rest, geo.W), h = geo.h0 + digit(rest, geo.height), n = rest;
    const Index group = channel / per_group, c = channel % per_group;
    Real sum = 0;
    for (Index r = geo.KH - 1; r >= 0; --r) {
      const Index i = window_on(h, r, geo.SH, geo.PH, geo.DH, geo.OH) - geo.r0;
      if (i < 0 || i >= geo.rows) continue;
      for (Index q = geo.KW - 1; q >= 0; --q) {
        const Index j = window_on(w, q, geo.SW, geo.PW, geo.DW, geo.OW);
        if (j < 0) continue;
        const Index window = ((group * geo.images + n) * geo.rows + i) * geo.OW + j;
        sum += cols[((window * geo.KH + r) * geo.KW + q) * per_group + c];
      }
    }
    dx[(((geo.n0 + n) * geo.H + h) * geo.W + w) * geo.C + channel] += sum;
  }
}

// y[n, i, j, c] = the largest value of the window, arg = its position r*KW + q there. The first of equal values wins, and NaN
// wins over everything (the last one). Where all is -inf: the first pixel that is not above or left of the image.
template <typename Place>
__device__ void max_pool(const Real* x, Real* y, Place* arg, const Windows& geo, Index total) {
  FOR_EACH(k, total) {
    Index rest = k;
    const Index c = digit(rest, geo.C), j = digit(rest, geo.OW), i = digit(rest, geo.OH), n = rest;
    const Index top = i * geo.SH - geo.PH, left = j * geo.SW - geo.PW;
    const Index first_r = top < 0 ? (-top + geo.DH - 1) / geo.DH : 0, first_q = left < 0 ? (-left + geo.DW - 1) / geo.DW : 0;
    Real best = minus_infinity();
    Index where = first_r * geo.KW + first_q;
    for (Index r = first_r; r < geo.KH; ++r) {
      for (Index q = first_q; q < geo.KW; ++q) {
        const Index h = top + r * geo.DH, w = left + q * geo.DW;
        if (!inside(geo, h, w)) continue;
        const Real value = x[((n * geo.H + h) * geo.W + w) * geo.C + c];
        if (value > best || value != value) {
          best = value;
          where = r * geo.KW + q;
        }
      }
    }
    y[k] = best;
    arg[k] = (Place)where;
  }
}

// The adjoint of max_gather: dx[n, h, w, c] = the sum of g over the windows whose arg names this pixel.
template <typename Place>
__device__ void max_unpool(const Real* g, const Place* arg, Real* dx, const Windows& geo, Index total) {
  FOR_EACH(k, total) {
    Index rest = k;
    const Index c = digit(rest, geo.C), w = digit(rest, geo.W), h = digit(rest, geo.H), n = rest;
    Real sum = 0;
    for (Index r = geo.KH - 1; r >= 0; --r) {
      const Index i = window_on(h, r, geo.SH, geo.PH, geo.DH, geo.OH);
      if (i < 0) continue;
      for (Index q = geo.KW - 1; q >= 0; --q) {
        const Index j = window_on(w, q, geo.SW, geo.PW, geo.DW, geo.OW);
        if (j < 0) continue;
        const Index window = ((n * geo.OH + i) * geo.OW + j) * geo.C + c;
        if (arg[window] == (Place)(r * geo.KW + q)) sum += g[window];
      }
    }
    dx[k] = sum;
  }
}

// y[n, i, j, c] = x at the position that arg names in window (i, j): max pooling with the choice already made.
template <typename Place>
__device__ void max_gather(const Real* x, const Place* arg, Real* y, const Windows& geo, Index total) {
  FOR_EACH(k, total) {
    Index rest = k;
    const Index c = digit(rest, geo.C), j = digit(rest, geo.OW), i = digit(rest, geo.OH), n = rest;
    const Index r = (Index)arg[k] / geo.KW, q = (Index)arg[k] % geo.KW;
    const Index h = i * geo.SH - geo.PH + r * geo.DH, w = j * geo.SW - geo.PW + q * geo.DW;
    y[k] = inside(geo, h, w) ? x[((n * geo.H + h) * geo.W + w) * geo.C + c] : (Real)0;
  }
}

// The same three for positions of one byte (windows of up to 256 pixels) and of four.
#define MAX_POOLING(Place, bytes)                                                                                            \
  extern "C" __global__ void max_pool2d_##bytes(const Real* __restrict__ x, Real* __restrict__ y, Place* __restrict__ arg,   \
                                                Windows geo, Index total) {                                                  \
    max_pool<Place>(x, y, arg, geo, total);                                                                                  \
  }                                                                                                                          \
  extern "C" __global__ void max_unpool2d_##bytes(const Real* __restrict__ g, const Place* __restrict__ arg,                 \
                                                  Real* __restrict__ dx, Windows geo, Index total) {                         \
    max_unpool<Place>(g, arg, dx, geo, total);                                                                               \
  }                                                                                                                          \
  extern "C" __global__ void max_gather2d_##bytes(const Real* __restrict__ x, const Place* __restrict__ arg,                 \
                                                  Real* __restrict__ y, Windows geo, Index total) {                          \
    max_gather<Place>(x, arg, y, geo, total);                                                                                \
  }
MAX_POOLING(unsigned char, 1)
MAX_POOLING(unsigned int, 4)

// y[n, i, j, c] = (sum of the window's values) / divisor[i, j].
extern "C" __global__ void avg_pool2d(const Real* __restrict__ x, const Real* __restrict__ divisor, Real* __restrict__ y,
                                      Windows geo, Index total) {
  FOR_EACH(k, total) {
    Index rest = k;
    const Index c = digit(rest, geo.C), j = digit(rest, geo.OW), i = digit(rest, geo.OH), n = rest;
    Real sum = 0;
    for (Index r = 0; r < geo.KH; ++r) {
      for (Index q = 0; q < geo.KW; ++q) {
        const Index h = i * geo.SH - geo.PH + r * geo.DH, w = j * geo.SW - geo.PW + q * geo.DW;
        if (inside(geo, h, w)) sum += x[((n * geo.H + h) * geo.W + w) * geo.C + c];
      }
    }
    y[k] = sum / divisor[i * geo.OW + j];
  }
}

// The adjoint of avg_pool2d: dx[n, h, w, c] = the sum of g[n, i, j, c] / divisor[i, j] over the windows that see the pixel.
extern "C" __global__ void avg_pool2d_input_grad(const Real* __restrict__ g, const Real* __restrict__ divisor,
                                                 Real* __restrict__ dx, Windows geo, Index total) {
  FOR_EACH(k, total) {
    Index rest = k;
    const Index c = digit(rest, geo.C), w = digit(rest, geo.W), h = digit(rest, geo.H), n = rest;
    Real sum = 0;
    for (Index r = geo.KH - 1; r >= 0; --r) {
      const Index i = window_on(h, r, geo.SH, geo.PH, geo.DH, geo.OH);
      if (i < 0) continue;
      for (Index q = geo.KW - 1; q >= 0; --q) {
        const Index j = window_on(w, q, geo.SW, geo.PW, geo.DW, geo.OW);
        if (j >= 0) sum += g[((n * geo.OH + i) * geo.OW + j) * geo.C + c] / divisor[i * geo.OW + j];
      }
    }
    dx[k] = sum;
  }
}

// y[n, c] = the mean of a map of ``pixels`` values, summed pixel by pixel.
extern "C" __global__ void global_avg_pool2d(const Real* __restrict__ x, Real* __restrict__ y, Index C, Index pixels,
                                             Index total) {
  FOR_EACH(k, total) {
    const Real* map = x + k / C * pixels * C + k % C;
    Real sum = 0;
    for (Index p = 0; p < pixels; ++p) sum += map[p * C];
    y[k] = sum / (Real)pixels;
  }
}
