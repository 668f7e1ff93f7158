// Augmented views of a batch, bit for bit those of package augment: every rounding of its is one here, so products and sums
// are written as functions that no compiler joins to fused ones. Five kernels: filters of the resize; its horizontal and its
// vertical pass; colours; blur, solarisation and normalisation.

typedef unsigned char byte;

// view is what is done to one image for one view: the record that the host writes.
struct view {
  long long image;                                 // offset of the image's bytes
  int pitch;                                       // bytes of a row
  int top, left, height, width;                    // of the crop
  int flip, gray, solarize;                        // whether
  int steps[4];                                    // of the colour jitter, in order; none where negative
  float brightness, contrast, saturation, hue;     // factors, and a shift
  float rest_of_contrast, rest_of_saturation;      // 1 - factor, rounded once
  int radius;                                      // of the blur; 0 is none
  float mean[3], std[3];                           // of the normalisation
};

static __device__ inline double magnitude(double x) { return x < 0 ? -x : x; }

// bicubic is Keys' cubic convolution with a = -1/2.
static __device__ inline double bicubic(double x) {
  x = magnitude(x);
  if (x < 1) return __dadd_rn(__dmul_rn(__dmul_rn(__dadd_rn(__dmul_rn(1.5, x), -2.5), x), x), 1);
  if (x < 2) return __dmul_rn(__dadd_rn(__dmul_rn(__dadd_rn(__dmul_rn(__dadd_rn(x, -5), x), 8), x), -4), -0.5);
  return 0;
}

static const int precision = 22; // bits of a filter's coefficient below the point

// filters: for each view, axis and output of the resize the first input, the number of inputs, and their coefficients.
extern "C" __global__ void __launch_bounds__(64) filters(int* spans, int* coefficients, const view* views, int size, int taps) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= size) return;
  const view& v = views[blockIdx.y];
  int in = blockIdx.z == 0 ? v.width : v.height;
  long long output = (blockIdx.y * 2LL + blockIdx.z) * size + i;
  double scale = __ddiv_rn(in, size), stretch = scale > 1 ? scale : 1, reach = __dmul_rn(2, stretch);
  double middle = __dmul_rn(__dadd_rn(i, 0.5), scale);
  int low = (int)__dadd_rn(__dadd_rn(middle, -reach), 0.5), high = (int)__dadd_rn(__dadd_rn(middle, reach), 0.5);
  if (low < 0) low = 0;
  if (high > in) high = in;
  int count = high - low;
  spans[2 * output] = low;
  spans[2 * output + 1] = count;
  double offset = __dadd_rn(__dadd_rn(low, -middle), 0.5), narrow = __ddiv_rn(1, stretch), sum = 0;
  for (int x = 0; x < count; x++) sum = __dadd_rn(sum, bicubic(__dmul_rn(__dadd_rn(x, offset), narrow)));
  for (int x = 0; x < count; x++) {
    double w = bicubic(__dmul_rn(__dadd_rn(x, offset), narrow));
    if (sum != 0) w = __ddiv_rn(w, sum);
    double half = w < 0 || (w == 0 && 1 / w < 0) ? -0.5 : 0.5;
    coefficients[output * taps + x] = (int)__dadd_rn(half, __dmul_rn(w, 1 << precision));
  }
}

static __device__ inline byte clamped(int v) { return v < 0 ? 0 : v > 255 ? 255 : v; }

// narrow: the rows of the crop at the view's width, [view, channel, row, column], mirrored where the view is flipped.
extern "C" __global__ void __launch_bounds__(256) narrow(byte* rows, const byte* images, const int* spans, const int* coefficients, const view* views, int size, int channels, int height, int taps) {
  const view& v = views[blockIdx.y];
  int at = blockIdx.x * blockDim.x + threadIdx.x, y = at / size, i = at % size;
  if (y >= v.height) return;
  long long output = blockIdx.y * 2LL * size + i;
  const int* w = coefficients + output * taps;
  const byte* x = images + v.image + (long long)(v.top + y) * v.pitch + (v.left + spans[2 * output]) * channels;
  int count = spans[2 * output + 1], to = v.flip ? size - 1 - i : i;
  for (int c = 0; c < channels; c++) {
    int sum = 1 << (precision - 1);
    for (int t = 0; t < count; t++) sum += w[t] * x[t * channels + c];
    rows[((blockIdx.y * (long long)channels + c) * height + y) * size + to] = clamped(sum >> precision);
  }
}

// combine: the planes of the view, [view, channel, row, column], from the rows of narrow.
extern "C" __global__ void __launch_bounds__(256) combine(byte* planes, const byte* rows, const int* spans, const int* coefficients, int size, int channels, int height, int taps) {
  int at = blockIdx.x * blockDim.x + threadIdx.x, y = at / size, i = at % size;
  if (y >= size) return;
  long long output = (blockIdx.y * 2LL + 1) * size + y;
  const int* w = coefficients + output * taps;
  int first = spans[2 * output], count = spans[2 * output + 1];
  for (int c = 0; c < channels; c++) {
    long long plane = blockIdx.y * (long long)channels + c;
    const byte* x = rows + (plane * height + first) * size + i;
    int sum = 1 << (precision - 1);
    for (int t = 0; t < count; t++) sum += w[t] * x[t * size];
    planes[(plane * size + y) * size + i] = clamped(sum >> precision);
  }
}

// pixel is a pixel's bytes; of one channel only r counts.
struct pixel { byte r, g, b; };

static __device__ inline byte luminance(pixel p) {
  return (byte)__fmaf_rn(p.b, 0.114f, __fmaf_rn(p.g, 0.587f, __fmul_rn(p.r, 0.2989f)));
}

// truncated clamps and rounds down.
static __device__ inline byte truncated(float v) { return v < 0 ? 0 : v > 255 ? 255 : (byte)v; }

// blended is x*f + a*b, rounded down.
static __device__ inline pixel blended(pixel p, float f, float a, float b) {
  return {truncated(__fmaf_rn(a, b, __fmul_rn(p.r, f))), truncated(__fmaf_rn(a, b, __fmul_rn(p.g, f))), truncated(__fmaf_rn(a, b, __fmul_rn(p.b, f)))};
}

// turned shifts the hue by turns: to hue, saturation and value, and back.
static __device__ inline pixel turned(pixel p, float shift) {
  const float from_byte = (float)(1.0 / 255), to_byte = 255.999f;
  float r = __fmul_rn(p.r, from_byte), g = __fmul_rn(p.g, from_byte), b = __fmul_rn(p.b, from_byte);
  float value = fmaxf(fmaxf(r, g), b), low = fminf(fminf(r, g), b), h = 0, s = 0;
  if (value != low) {
    float spread = __fsub_rn(value, low);
    float rc = __fdiv_rn(__fsub_rn(value, r), spread), gc = __fdiv_rn(__fsub_rn(value, g), spread), bc = __fdiv_rn(__fsub_rn(value, b), spread);
    h = value == r ? __fsub_rn(bc, gc) : value == g ? __fsub_rn(__fadd_rn(rc, 2), bc) : __fsub_rn(__fadd_rn(gc, 4), rc);
    h = __fadd_rn(__fmul_rn(h, (float)(1.0 / 6)), 1);
    if (h >= 1) h = __fsub_rn(h, 1);
    s = __fdiv_rn(spread, value);
  }
  h = __fadd_rn(h, shift);
  if (h < 0) h = __fadd_rn(h, 1);
  else if (h >= 1) h = __fsub_rn(h, 1);
  float h6 = __fmul_rn(h, 6), rest = __fsub_rn(1, s);
  int sector = (int)h6;
  float part = __fmul_rn(s, __fsub_rn(h6, (float)sector));
  byte top = (byte)__fmul_rn(value, to_byte), bottom = (byte)__fmul_rn(__fmul_rn(rest, value), to_byte);
  byte falling = (byte)__fmul_rn(__fmul_rn(__fsub_rn(1, part), value), to_byte), rising = (byte)__fmul_rn(__fmul_rn(__fadd_rn(part, rest), value), to_byte);
  switch (sector) {
    case 1: return {falling, top, bottom};
    case 2: return {bottom, top, rising};
    case 3: return {bottom, falling, top};
    case 4: return {rising, bottom, top};
    case 5: return {top, bottom, falling};
  }
  return {top, rising, bottom}; // 0, and 6 where rounding brought the hue to a full turn
}

// picture is the planes of a view as pixels.
struct picture {
  byte* plane;
  int area, channels;
  __device__ pixel get(int i) const {
    if (channels == 1) return {plane[i], plane[i], plane[i]};
    return {plane[i], plane[i + area], plane[i + 2 * area]};
  }
  __device__ void put(int i, pixel p) const {
    plane[i] = p.r;
    if (channels == 3) plane[i + area] = p.g, plane[i + 2 * area] = p.b;
  }
};

// mean_luminance is the mean over the picture of each pixel's luminance rounded down; one channel is its own luminance.
static __device__ inline float mean_luminance(picture p) {
  __shared__ unsigned long long sums[256];
  unsigned long long sum = 0;
  for (int i = threadIdx.x; i < p.area; i += blockDim.x) sum += p.channels == 1 ? p.plane[i] : luminance(p.get(i));
  __syncthreads();
  sums[threadIdx.x] = sum;
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  __syncthreads();
  return __fdiv_rn((float)sums[0], (float)p.area);
}

// colours: jitter and grayscale of the planes, a block a view. A thread meets the same pixels in every step.
extern "C" __global__ void __launch_bounds__(256) colours(byte* planes, const view* views, int size, int channels) {
  const view& v = views[blockIdx.x];
  picture p = {planes + blockIdx.x * (long long)channels * size * size, size * size, channels};
  for (int s = 0; s < 4; s++) {
    int step = v.steps[s];
    float mean = step == 1 ? mean_luminance(p) : 0;
    for (int i = threadIdx.x; step >= 0 && i < p.area; i += blockDim.x) {
      pixel x = p.get(i);
      switch (step) {
        case 0: x = blended(x, v.brightness, 0, 0); break;
        case 1: x = blended(x, v.contrast, mean, v.rest_of_contrast); break;
        case 2: x = blended(x, v.saturation, luminance(x), v.rest_of_saturation); break;
        case 3: x = turned(x, v.hue);
      }
      p.put(i, x);
    }
  }
  for (int i = threadIdx.x; v.gray && i < p.area; i += blockDim.x) {
    byte y = luminance(p.get(i));
    p.put(i, {y, y, y});
  }
}

// mirrored is the index within 0 to n-1 that i means, reflected at the outermost samples.
static __device__ inline int mirrored(int i, int n) {
  if (i < 0) i = -i;
  return i >= n ? 2 * (n - 1) - i : i;
}

// finish: a row of a view [view, row, column, channel], blurred, solarised and normalised; a block a row.
extern "C" __global__ void __launch_bounds__(128) finish(float* out, const byte* planes, const float* weights, const view* views, int size, int channels, int entries) {
  __shared__ float column[4096];
  const view& v = views[blockIdx.y];
  const float* w = weights + (long long)blockIdx.y * entries;
  int y = blockIdx.x, n = size;
  for (int c = 0; c < channels; c++) {
    const byte* plane = planes + (blockIdx.y * (long long)channels + c) * n * n;
    __syncthreads();
    for (int i = threadIdx.x; v.radius && i < n; i += blockDim.x) {
      float sum = __fmul_rn(w[0], plane[y * n + i]);
      for (int t = 1; t <= v.radius; t++)
        sum = __fadd_rn(sum, __fmul_rn(w[t], __fadd_rn(plane[mirrored(y - t, n) * n + i], plane[mirrored(y + t, n) * n + i])));
      column[i] = sum;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
      byte p = plane[y * n + i];
      if (v.radius) {
        float sum = __fmul_rn(w[0], column[i]);
        for (int t = 1; t <= v.radius; t++)
          sum = __fadd_rn(sum, __fmul_rn(w[t], __fadd_rn(column[mirrored(i - t, n)], column[mirrored(i + t, n)])));
        sum = rintf(sum);
        p = sum < 0 ? 0 : sum > 255 ? 255 : (byte)sum;
      }
      if (v.solarize && p >= 128) p = 255 - p;
      out[((blockIdx.y * (long long)n + y) * n + i) * channels + c] =
          __fdiv_rn(__fsub_rn(__fmul_rn(p, (float)(1.0 / 255)), v.mean[c]), v.std[c]);
    }
  }
}
