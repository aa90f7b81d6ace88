"""The canonical vocabulary: content, messages, conversations, events, outcomes. Pure data, no IO."""
