"""Episodes cut into skills: where the hand reaches, grasps, moves something and lets it go."""
