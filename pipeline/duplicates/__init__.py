"""Videos that show the same as another: copies that were scaled, cropped, mirrored or trimmed."""
