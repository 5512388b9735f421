"""From tracks on a video's clock to the columns of an episode."""
