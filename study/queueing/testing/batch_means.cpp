#include "study/queueing/testing/batch_means.h"

#include <cassert>
#include <cmath>
#include <utility>

#include "study/statistics/estimate.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study::testing {
namespace {

using Row = std::vector<double>;
using Matrix = std::vector<Row>;

/// Gauss-Jordan elimination with pivots on the diagonal. Requires: symmetric, positive definite.
Matrix inverse(Matrix matrix) {
  const std::size_t size = matrix.size();
  for (std::size_t i = 0; i < size; ++i) {
    matrix[i].resize(2 * size, 0);
    matrix[i][size + i] = 1;
  }
  for (std::size_t pivot = 0; pivot < size; ++pivot) {
    const double by = matrix[pivot][pivot];
    for (double& entry : matrix[pivot]) entry /= by;
    for (std::size_t row = 0; row < size; ++row) {
      if (row == pivot) continue;
      const double factor = matrix[row][pivot];
      for (std::size_t column = 0; column < 2 * size; ++column) {
        matrix[row][column] -= factor * matrix[pivot][column];
      }
    }
  }
  for (Row& row : matrix) row.erase(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(size));
  return matrix;
}

}  // namespace

void BatchMeans::add(double output, std::span<const double> control_deviations) {
  assert(controls_.empty() || controls_.front().size() == control_deviations.size() + 1);
  outputs_.push_back(output);
  Row row = {1};
  row.insert(row.end(), control_deviations.begin(), control_deviations.end());
  controls_.push_back(std::move(row));
}

MeanEstimate BatchMeans::estimate() const {
  const std::size_t batches = outputs_.size();
  const std::size_t terms = controls_.front().size();
  assert(batches >= terms + 2);

  Matrix moments(terms, Row(terms, 0));
  Row right(terms, 0);
  for (std::size_t batch = 0; batch < batches; ++batch) {
    for (std::size_t i = 0; i < terms; ++i) {
      right[i] += controls_[batch][i] * outputs_[batch];
      for (std::size_t j = 0; j < terms; ++j) {
        moments[i][j] += controls_[batch][i] * controls_[batch][j];
      }
    }
  }
  const Matrix solution = inverse(std::move(moments));
  Row coefficients(terms, 0);
  for (std::size_t i = 0; i < terms; ++i) {
    for (std::size_t j = 0; j < terms; ++j) coefficients[i] += solution[i][j] * right[j];
  }

  double mean = 0;
  for (const double output : outputs_) mean += output / static_cast<double>(batches);
  double total = 0;
  double residual = 0;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    double fitted = 0;
    for (std::size_t i = 0; i < terms; ++i) fitted += coefficients[i] * controls_[batch][i];
    residual += std::pow(outputs_[batch] - fitted, 2);
    total += std::pow(outputs_[batch] - mean, 2);
  }
  const auto freedom = static_cast<double>(batches - terms);
  MeanEstimate estimate;
  estimate.mean = coefficients[0];
  estimate.standard_error = std::sqrt(residual / freedom * solution[0][0]);
  estimate.half_width = estimate.standard_error *
                        statistics::student_critical_value(statistics::kConfidence, freedom);
  estimate.explained = total > 0 ? 1 - residual / total : 0;
  return estimate;
}

}  // namespace quintain::study::testing
