//! Counters, histograms, access log and Prometheus; the only place that defines a metric or log field.
