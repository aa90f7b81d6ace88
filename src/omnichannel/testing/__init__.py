"""What a test suite needs to talk with customers without a platform."""
