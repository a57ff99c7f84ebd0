//! Native functions of Octroi.
