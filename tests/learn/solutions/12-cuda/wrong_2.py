# says: as_planes
def source():
    return """
    extern "C" __global__ void average_pool(const double* x, double* y, int H, int W, int C, int k, int s, int OH, int OW) {
        for (int n = blockIdx.x * blockDim.x + threadIdx.x; n < C * OH * OW; n += blockDim.x * gridDim.x) {
            int j = n % OW, i = n / OW % OH, c = n / OW / OH;
            double total = 0;
            for (int r = 0; r < k; r++)
                for (int q = 0; q < k; q++) total += x[(c * H + i * s + r) * W + j * s + q];
            y[n] = total / k / k;
        }
    }
    """
