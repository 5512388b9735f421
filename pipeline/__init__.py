"""What recipes, tracks and datasets are, and all that makes datasets of videos."""
