"""What the server tells about itself: metrics, logs of requests, traces."""
